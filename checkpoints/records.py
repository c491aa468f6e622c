"""The frozen values that every part of Holdfast speaks in.

Times are timezone-aware and in UTC. Sizes are bytes. ``None`` means unknown, never zero.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

State = Mapping[str, Any]
EFFECT, EFFECT_STARTED = "effect", "effect_started"
"""Kinds of journal entries: something was done outside; it is about to be done."""


class _Word(StrEnum):
    """One of a few words; any other is refused with the list of them."""

    @classmethod
    def _missing_(cls, value: object) -> None:
        words = ", ".join(cls)
        raise ValueError(f"{value!r} is no {cls.__name__.lower()}; choose from: {words}")


class Kind(_Word):
    """Why a checkpoint was saved."""

    ROUTINE = "routine"
    PRE_OPERATION = "pre_operation"
    RECOVERY = "recovery"


class Status(_Word):
    """What a run was doing when its checkpoint was saved, or what its thread is doing now."""

    RUNNING = "running"
    WAITING = "waiting"
    STALLED = "stalled"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"


class Strategy(_Word):
    """The eight ways to bring a failed run back."""

    RETRY_CURRENT_STEP = "retry_current_step"
    SKIP_TO_NEXT = "skip_to_next"
    RESTART_ITERATION = "restart_iteration"
    RESTART_FROM_GENERATION = "restart_from_generation"
    MODIFY_PARAMETERS = "modify_parameters"
    FULL_RESTART = "full_restart"
    RESTORE_CHECKPOINT = "restore_checkpoint"
    ESCALATE_TO_HUMAN = "escalate_to_human"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A checkpoint that is about to be saved: everything but what the store measures."""

    id: str
    agent_id: str
    thread_id: str
    step: int
    created_at: datetime
    parent_id: str | None = None
    run_id: str | None = None
    step_name: str | None = None
    iteration: int | None = None
    kind: Kind = Kind.ROUTINE
    status: Status = Status.RUNNING
    metrics: Mapping[str, float] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The immutable record of one checkpoint; its state is loaded apart from it.

    ``namespace`` is empty except for checkpoints that a subgraph of the thread wrote.
    ``size`` is that of the encoded state before compression, ``stored_size`` of what lies in the
    store. ``sha256`` is the hex digest of the encoded state (native stores) or of the stored
    bytes (stores that other frameworks write). ``damage`` says why the state cannot be read.
    """

    id: str
    agent_id: str
    thread_id: str
    step: int
    created_at: datetime
    namespace: str = ""
    parent_id: str | None = None
    run_id: str | None = None
    step_name: str | None = None
    iteration: int | None = None
    kind: Kind = Kind.ROUTINE
    status: Status = Status.UNKNOWN
    size: int | None = None
    stored_size: int | None = None
    sha256: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    next_steps: tuple[str, ...] = ()
    written_by: tuple[str, ...] = ()
    damage: str | None = None

    def __str__(self) -> str:
        return self.id

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON types; times become ISO 8601 strings."""
        return as_json(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a record from :meth:`to_dict`. Unknown keys are ignored."""
        known = {f.name: values[f.name] for f in dataclasses.fields(cls) if f.name in values}
        known["created_at"] = datetime.fromisoformat(known["created_at"])
        known["kind"] = Kind(known.get("kind", Kind.ROUTINE))
        known["status"] = Status(known.get("status", Status.UNKNOWN))
        for name in ("next_steps", "written_by"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """An instruction left with the head; the agent reads it at its next step or resume."""

    strategy: Strategy
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the next run of a thread resumes from.

    ``version`` grows by one with each move. ``operation_id`` names the operation that made the
    last move, ``None`` when the agent's own save did.
    """

    agent_id: str
    thread_id: str
    checkpoint_id: str
    version: int
    moved_at: datetime
    operation_id: str | None = None
    reason: str | None = None
    directive: Directive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """One lineage as it stands now. ``head_version`` is 0 where a store does not count moves."""

    agent_id: str
    thread_id: str
    head_id: str | None
    checkpoints: int
    updated_at: datetime | None
    head_version: int = 0
    status: Status = Status.UNKNOWN
    next_steps: tuple[str, ...] = ()
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the thread as JSON types."""
        return as_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Exempts a checkpoint from every retention policy."""

    checkpoint_id: str
    reason: str
    pinned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A checkpoint that went to the trash, and why."""

    agent_id: str
    thread_id: str
    checkpoint_id: str
    reason: str
    removed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalName:
    """What the entries of one kind in one thread have in common."""

    agent_id: str
    thread_id: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """Something that happened in a thread, kept beside its checkpoints: an effect, a resume, ...

    ``kind`` and ``key`` are any text; a key is given once within its agent, thread and kind.
    ``data`` holds whatever a state may hold, and lies encrypted where states do.
    """

    agent_id: str
    thread_id: str
    kind: str
    key: str
    recorded_at: datetime
    checkpoint_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something that an agent did outside itself, which no restore undoes.

    ``name`` and ``key`` make it the same effect however often it is tried; ``checkpoint_id`` is
    the head when it was done, ``result`` what it brought.
    """

    agent_id: str
    thread_id: str
    name: str
    key: str
    recorded_at: datetime
    run_id: str | None = None
    checkpoint_id: str | None = None
    result: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong in a store: what it is, where, and what follows from it."""

    kind: str
    message: str
    checkpoint_id: str | None = None
    thread_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON types."""
        return as_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a store gained since a cursor, in the order in which it was written.

    ``threads`` holds the present view of every thread that these changes touch; of one whose head
    is still to come the view may come with it. ``reset`` says that the cursor no longer fitted the
    store (the file was replaced or renumbered) and that the listing began anew. ``complete`` is
    false when more waits behind ``cursor``; ``remaining`` then says about how many checkpoints,
    where that can be told cheaply.
    """

    cursor: str
    checkpoints: tuple[Checkpoint, ...] = ()
    threads: tuple[Thread, ...] = ()
    removals: tuple[Removal, ...] = ()
    findings: tuple[Finding, ...] = ()
    complete: bool = True
    reset: bool = False
    remaining: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What can be done with a store. ``reasons`` says, per missing one, why not."""

    read: bool = True
    restore: bool = False
    fork: bool = False
    edit: bool = False
    prune: bool = False
    erase: bool = False
    verify: bool = True
    watch: bool = True
    reasons: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the capabilities as JSON types."""
        return as_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTarget:
    """A checkpoint that a restore brings back, held fast by the digest of its content."""

    checkpoint_id: str
    namespace: str
    sha256: str | None


class RestoreMode(StrEnum):
    """How a store makes an earlier checkpoint its head."""

    MOVE_HEAD = "move_head"
    APPEND = "append"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """What a restore will do, derived from the store as it is.

    ``targets`` begins with the checkpoint asked for; further ones are persistent subgraphs that
    must go back with it. ``superseded`` are the ids that become a branch, newest first.
    ``rerun_steps`` are the steps that the next run will take again.
    """

    agent_id: str
    thread_id: str
    mode: RestoreMode
    targets: tuple[RestoreTarget, ...]
    expected_head: str | None
    expected_head_sha256: str | None = None
    superseded: tuple[str, ...] = ()
    rerun_steps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON types."""
        return as_json(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a plan from :meth:`to_dict`."""
        targets = tuple(RestoreTarget(**target) for target in values["targets"])
        tuples = {n: tuple(values[n]) for n in ("superseded", "rerun_steps", "warnings")}
        mode = RestoreMode(values["mode"])
        return cls(**{**values, "targets": targets, "mode": mode, **tuples})

    def digest(self) -> str:
        """Return the hex sha256 of what decides the effect: targets, digests, head and mode.

        Warnings and counts are left out: they may change without changing what is done.
        """
        decisive = ("agent_id", "thread_id", "mode", "targets", "expected_head")
        values = self.to_dict()
        text = json.dumps({n: values[n] for n in decisive}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def as_json(record: Any) -> dict[str, Any]:
    """Turn a record into a dictionary of JSON types; times become ISO 8601 strings."""
    return {f.name: _plain(getattr(record, f.name)) for f in dataclasses.fields(record)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return as_json(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value
