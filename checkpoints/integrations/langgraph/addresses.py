"""What a config of LangGraph names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from langchain_core.runnables import RunnableConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A thread, a namespace of it, and a checkpoint there; none means: where it goes on from."""

    thread_id: str
    namespace: str = ""
    checkpoint_id: str | None = None

    @classmethod
    def of(cls, config: RunnableConfig) -> Self:
        """Return what a config names. Raises KeyError without a thread_id."""
        values: dict[str, Any] = config["configurable"]
        return cls(
            thread_id=str(values["thread_id"]),
            namespace=values.get("checkpoint_ns") or "",
            checkpoint_id=values.get("checkpoint_id") or None,
        )

    def at(self, namespace: str, checkpoint_id: str | None) -> Self:
        """Return another checkpoint of the same thread."""
        return replace(self, namespace=namespace, checkpoint_id=checkpoint_id)

    def config(self, checkpoint_id: str | None = None) -> RunnableConfig:
        """Return the config that names this checkpoint, or another one beside it."""
        return {
            "configurable": {
                "thread_id": self.thread_id,
                "checkpoint_ns": self.namespace,
                "checkpoint_id": checkpoint_id or self.checkpoint_id,
            }
        }
