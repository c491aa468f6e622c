"""Stores of other frameworks in the sweep, written as those frameworks write them."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

import checkpoints
from tests.faults.sweep.stores import OnDisk, Thread

SPOKEN = [{"role": "user", "content": "order plan cache plan cache budget user retry"}]


@dataclass
class Foreign(OnDisk):
    """What they have in common: a file or folder, and Holdfast's own trash beside it."""

    name: str = ""
    threads: Mapping[str, Thread] = field(default_factory=dict)
    forked: Thread = ("", "")
    edited: Sequence[str | int] = ()
    counts_moves: bool = False
    knows_users: bool = True
    url: str = ""

    def lay(self, folder: Path, now: datetime) -> str:
        raise NotImplementedError

    def open(self) -> Any:
        return checkpoints.open_store(self.url)

    def open_trash(self) -> Any:
        return checkpoints.open_native_store(f"sqlite:///{self.folder}/trash.db")

    def saved(self, checkpoint_id: str, thread_id: str | None = None) -> checkpoints.Checkpoint:
        """Return the record of what was just saved."""
        store = self.open()
        try:
            record: checkpoints.Checkpoint = store.get(checkpoint_id, thread_id=thread_id)
        finally:
            store.close()
        return record

    def opened_by_dashboard(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


@dataclass
class LangGraphFile(Foreign):
    """The file that a graph's SqliteSaver wrote."""

    name: str = "langgraph"
    edited: Sequence[str | int] = ("n",)

    def lay(self, folder: Path, now: datetime) -> str:
        from tests.checkpoints.connectors import graphs

        forget_later_ids()
        self.folder, self.path = folder, folder / "graphs.sqlite"
        self.url = f"langgraph+sqlite:///{self.path}"
        for thread, until in {"other": 2, "side": 4, "main": 5}.items():
            with time_machine.travel(now - timedelta(hours=9)), graphs.saver(self.path) as saver:
                given: Any = {**graphs.config(thread), "metadata": told_by(thread)}
                graphs.counter(saver, until=until).invoke({"n": 0, "log": []}, given)
        store = self.open()
        agent_of = {thread.thread_id: thread.agent_id for thread in store.threads()}
        store.close()
        self.threads = {name: (agent_of[name], name) for name in ("main", "side", "other")}
        self.forked = (agent_of["main"], "tried again")
        return self.url

    def save(self, thread: Thread, now: datetime, expected: str | None) -> checkpoints.Checkpoint:
        from tests.checkpoints.connectors import graphs

        with graphs.saver(self.path) as saver:
            made = go_on(saver, thread[1], expected)
        return self.saved(made, thread[1])


def forget_later_ids() -> None:
    """Let ids begin anew: they never go back behind one that another test made at a later time."""
    from langgraph.checkpoint.base import id as ids

    ids._last_v6_timestamp = None


def go_on(saver: Any, thread_id: str, expected: str | None) -> str:
    """Put what a graph puts that goes on from a checkpoint; return its id."""
    from langgraph.checkpoint.base.id import uuid6

    from tests.checkpoints.connectors import graphs

    before = saver.get_tuple(graphs.config(thread_id, expected))
    assert before is not None
    made = {**before.checkpoint, "id": str(uuid6(clock_seq=90))}
    made["channel_values"] = {**made["channel_values"], "n": 90}
    meta = {**before.metadata, "source": "loop"}
    meta = {name: value for name, value in meta.items() if "holdfast" not in name}
    saver.put(before.config, made, meta, {})
    return str(made["id"])


def told_by(thread: str) -> dict[str, str]:
    return {"user_id": "anna"} if thread == "side" else {}


@dataclass
class KaizenFolder(Foreign):
    """The folder that Kaizen's FilesystemStorage wrote."""

    name: str = "kaizen"
    threads: Mapping[str, Thread] = field(
        default_factory=lambda: {
            "main": ("agent", "main"),
            "side": ("sidekick", "main"),
            "other": ("bystander", "main"),
        }
    )
    forked: Thread = ("second agent", "main")
    edited: Sequence[str | int] = ("step_number",)

    def lay(self, folder: Path, now: datetime) -> str:
        self.folder, self.root = folder, folder / "states"
        self.url = f"kaizen:///{self.root}"
        self.root.mkdir()
        for agent_id, _ in self.threads.values():
            parent = None
            for step in range(6 if agent_id == "agent" else 4):
                at = now - timedelta(hours=40 - step)
                parent = self._write(agent_id, step, at, parent)
        return self.url

    def save(self, thread: Thread, now: datetime, expected: str | None) -> checkpoints.Checkpoint:
        return self.saved(self._write(thread[0], 90, datetime.now(UTC), expected))

    def _write(self, agent_id: str, step: int, at: datetime, parent: str | None) -> str:
        name = f"ckpt_{secrets.token_hex(6)}"
        state = {
            "checkpoint_id": name,
            "agent_id": agent_id,
            "model": "llama3.2",
            "timestamp": at.isoformat(),
            "updated_at": None,
            "step_number": step,
            "conversation_history": SPOKEN * step,
            "memory_contents": {f"fact_{n}": "fetch" for n in range(step)},
            "parent_checkpoint_id": parent,
            "status": "running",
            "metadata": {"user_id": "anna"} if step % 2 else {},
        }
        for many in ("pending_actions", "completed_actions", "approval_history"):
            state[many] = []
        (self.root / f"{name}.jsonl").write_text(json.dumps(state) + "\n")
        return name
