"""What a fork, a prune or an erasure will do: plain values, derived from a store as it is.

Each can be written as JSON types and read back, and has a digest of what decides its effect, by
which the plan that is carried out is known to be the one that was seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import orjson

from checkpoints.records import RestoreTarget, as_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of a forked state: the value at a path of keys and positions.

    ``remove`` takes away what is there and leaves ``value`` out of account.
    """

    path: tuple[str | int, ...]
    value: Any = None
    remove: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the edit as JSON types."""
        return {"path": list(self.path), "value": self.value, "remove": self.remove}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild an edit from :meth:`to_dict`."""
        return cls(
            path=tuple(values["path"]),
            value=values.get("value"),
            remove=bool(values.get("remove", False)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkPlan:
    """A new thread that begins at a checkpoint; the old thread stays as it is.

    ``targets`` are what is copied, the checkpoint asked for first, each held fast by its digest.
    ``rerun_steps`` are the steps that the new thread's first run takes again.
    """

    agent_id: str
    thread_id: str
    new_agent_id: str
    new_thread_id: str
    targets: tuple[RestoreTarget, ...]
    edits: tuple[Edit, ...] = ()
    copied_bytes: int | None = None
    rerun_steps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON types."""
        return as_json(self) | {"edits": [edit.to_dict() for edit in self.edits]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a plan from :meth:`to_dict`."""
        return cls(
            **{
                **values,
                "targets": tuple(RestoreTarget(**target) for target in values["targets"]),
                "edits": tuple(Edit.from_dict(edit) for edit in values["edits"]),
                "rerun_steps": tuple(values["rerun_steps"]),
                "warnings": tuple(values["warnings"]),
            }
        )

    def digest(self) -> str:
        """Return the hex sha256 of what decides the effect; warnings and sizes do not."""
        decisive = ("agent_id", "thread_id", "new_agent_id", "new_thread_id", "targets", "edits")
        values = self.to_dict()
        return _digest({name: values[name] for name in decisive})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A checkpoint that stays, and why."""

    checkpoint_id: str
    reason: str
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """A checkpoint that goes, and why, held fast by the digest of its content."""

    checkpoint_id: str
    reason: str
    namespace: str = ""
    sha256: str | None = None
    stored_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadPrune:
    """What stays and what goes of one thread, newest first; ``notes`` say what cannot be known.

    In a thread that is left out nothing goes, and ``notes`` say why.
    """

    agent_id: str
    thread_id: str
    expected_head: str | None
    keep: tuple[Kept, ...]
    remove: tuple[Doomed, ...]
    notes: tuple[str, ...] = ()

    @property
    def removed_bytes(self) -> int:
        """The stored bytes of what goes; those that are not known count as 0."""
        return sum(doomed.stored_size or 0 for doomed in self.remove)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types, each reason written once."""
        reasons: dict[str, int] = {}

        def place(reason: str) -> int:
            return reasons.setdefault(reason, len(reasons))

        return {
            "agent_id": self.agent_id,
            "thread_id": self.thread_id,
            "expected_head": self.expected_head,
            "keep": [[k.checkpoint_id, k.namespace, place(k.reason)] for k in self.keep],
            "remove": [
                [d.checkpoint_id, d.namespace, place(d.reason), d.sha256, d.stored_size]
                for d in self.remove
            ],
            "reasons": list(reasons),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        reasons = values["reasons"]
        return cls(
            agent_id=values["agent_id"],
            thread_id=values["thread_id"],
            expected_head=values["expected_head"],
            keep=tuple(
                Kept(checkpoint_id=name, namespace=namespace, reason=reasons[place])
                for name, namespace, place in values["keep"]
            ),
            remove=tuple(
                Doomed(
                    checkpoint_id=name,
                    namespace=namespace,
                    reason=reasons[place],
                    sha256=sha256,
                    stored_size=size,
                )
                for name, namespace, place, sha256, size in values["remove"]
            ),
            notes=tuple(values["notes"]),
        )

    def digest(self) -> str:
        """Return the hex sha256 of what goes: names, digests and reasons."""
        values = self.to_dict()
        return _digest({name: values[name] for name in ("agent_id", "thread_id", "remove")})


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadPruned:
    """What became of a thread's prune. ``stayed`` maps ids that did not go to the reason.

    ``freed_bytes`` counts what their store gave back; trash of the store's own gives it back later.
    ``notes`` say what is left to do, such as why a file is as large as it was.
    """

    removed: tuple[str, ...]
    stayed: Mapping[str, str]
    freed_bytes: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadErasure:
    """Which checkpoints of one thread are erased for good, each with the digest of its content.

    ``whole`` says that the thread goes altogether, with its head, its trash and its journal.
    """

    agent_id: str
    thread_id: str
    targets: tuple[RestoreTarget, ...]
    whole: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return as_json(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        targets = tuple(RestoreTarget(**target) for target in values["targets"])
        return cls(**{**values, "targets": targets})

    def digest(self) -> str:
        """Return the hex sha256 of what is erased."""
        return _digest(self.to_dict())


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadErased:
    """What became of a thread's erasure, as read back from the store.

    ``remaining`` maps ids that could not be erased to the reason; it is empty when all went.
    """

    agent_id: str
    thread_id: str
    erased: tuple[RestoreTarget, ...]
    remaining: Mapping[str, str]
    erased_at: datetime


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()
