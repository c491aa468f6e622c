"""From a draft to a record and the head that follows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from itertools import takewhile
from math import isfinite

import orjson

from checkpoints.errors import CheckpointError, PlanRefused, UnsupportedState
from checkpoints.records import Checkpoint, Draft, Head, State
from checkpoints.stores.heads import check_head

SaveChain = Callable[[Sequence[tuple[Draft, State]], str | None], list[Checkpoint]]
"""Saves drafts behind the expected head. Raises PartlySaved."""
_NAMES = tuple(field.name for field in dataclasses.fields(Draft))
_TEXT, _NUMBER = "a text", "a whole number"
_KINDS = (
    *((name, _TEXT, False) for name in ("id", "agent_id", "thread_id")),
    *((name, _TEXT, True) for name in ("parent_id", "run_id", "step_name")),
    ("step", _NUMBER, False),
    ("iteration", _NUMBER, True),
)
"""Each field of a draft that is a text or a number, and whether it may be None."""


def measured(draft: Draft, *, size: int, stored_size: int | None, sha256: str | None) -> Checkpoint:
    """Return the record of a draft, with what was measured.

    Raises UnsupportedState naming the field that cannot be kept.
    """
    _check(draft)
    values = {name: getattr(draft, name) for name in _NAMES}
    return Checkpoint(**values, size=size, stored_size=stored_size, sha256=sha256)


def _check(draft: Draft) -> None:
    for name, kind, optional in _KINDS:
        _check_kind(name, getattr(draft, name), kind, optional=optional)
    if draft.created_at.tzinfo is None:
        raise UnsupportedState(
            "created_at must have a time zone; nothing was saved", path="created_at"
        )
    for name, value in draft.metrics.items():
        if not _is_finite_number(value):
            raise UnsupportedState(
                f"the metric {name!r} must be a finite number, not {value!r}; nothing was saved",
                path=f"metrics[{name!r}]",
            )
    values = {name: getattr(draft, name) for name in _NAMES}
    try:
        orjson.dumps(values)
    except TypeError:
        for name, value in values.items():
            _check_json(name, value)
        raise


def _check_kind(name: str, value: object, kind: str, *, optional: bool) -> None:
    """Refuse what some stores would keep, and no later save could go on from."""
    if value is None and optional:
        return
    fits = isinstance(value, str) if kind is _TEXT else type(value) is int
    if not fits:
        raise UnsupportedState(
            f"{name} must be {kind}, not {value!r}; nothing was saved", path=name
        )


def _is_finite_number(value: object) -> bool:
    return type(value) is int or (type(value) is float and isfinite(value))


def _check_json(name: str, value: object) -> None:
    try:
        orjson.dumps(value)
    except TypeError as error:
        raise UnsupportedState(
            f"{name} cannot be kept as JSON: {error}; nothing was saved", path=name
        ) from error


class PartlySaved(CheckpointError):
    """The first of a chain were saved before: ``firsts``. Nothing was written."""

    def __init__(self, firsts: Sequence[Checkpoint]) -> None:
        super().__init__(f"{len(firsts)} of them were saved before")
        self.firsts = firsts


def saved_chain(
    drafts: Sequence[tuple[Draft, State]], expected: str | None, save: SaveChain
) -> list[Checkpoint]:
    """Save a chain with ``save``, without those of its first that were saved before.

    Raises PlanRefused unless the drafts are distinct checkpoints of one thread.
    """
    _require_chain(drafts)
    if not drafts:
        return []
    try:
        return save(drafts, expected)
    except PartlySaved as some:
        rest = drafts[len(some.firsts) :]
        return [*some.firsts, *saved_chain(rest, some.firsts[-1].id, save)]


def _require_chain(drafts: Sequence[tuple[Draft, State]]) -> None:
    """Raise PlanRefused unless the drafts are distinct checkpoints of one thread."""
    if len(drafts) < 2:
        return
    if len({(draft.agent_id, draft.thread_id) for draft, _ in drafts}) > 1:
        raise PlanRefused("the drafts are of several threads; nothing was saved")
    if len({draft.id for draft, _ in drafts}) < len(drafts):
        raise PlanRefused("two of the drafts have the same id; nothing was saved")


def saved_before(found: Sequence[Checkpoint | None]) -> list[Checkpoint] | None:
    """Return the records of a chain that was saved before, None when nothing of it was.

    Raises PartlySaved when only the first ones were, PlanRefused when others were.
    """
    firsts = [record for record in takewhile(bool, found) if record]
    later = next((record for record in found[len(firsts) :] if record is not None), None)
    if later is not None:
        raise PlanRefused(
            f"{later.id} is already saved, but not what comes before it; nothing was saved"
        )
    if firsts and len(firsts) < len(found):
        raise PartlySaved(firsts)
    return firsts or None


def next_head(current: Head | None, record: Checkpoint, *, expected: str | None) -> Head:
    """Return the head after a save. Raises HeadMoved when it is not where the caller saw it.

    A directive that nobody has read goes on with it: its agent may have been in a step.
    """
    check_head(current, expected)
    return Head(
        agent_id=record.agent_id,
        thread_id=record.thread_id,
        checkpoint_id=record.id,
        version=current.version + 1 if current else 1,
        moved_at=record.created_at,
        directive=current.directive if current else None,
    )


def next_heads(
    current: Head | None, records: Sequence[Checkpoint], *, expected: str | None
) -> list[Head]:
    """Return the heads after several saves, one behind the other. Raises HeadMoved."""
    heads = [next_head(current, records[0], expected=expected)]
    for record in records[1:]:
        heads.append(next_head(heads[-1], record, expected=heads[-1].checkpoint_id))
    return heads


def move_done(done: Head | None, target: Checkpoint) -> Head | None:
    """Return the move that an operation has made already, if it has.

    Raises PlanRefused when it moved another head or to another checkpoint.
    """
    if done is not None and (done.agent_id, done.thread_id, done.checkpoint_id) != (
        target.agent_id,
        target.thread_id,
        target.id,
    ):
        raise PlanRefused(
            f"operation {done.operation_id} has already moved a head to {done.checkpoint_id}; "
            "nothing was changed"
        )
    return done


def refuse_trashed(checkpoint_id: str) -> PlanRefused:
    """Return the refusal to save again what lies in the trash."""
    return PlanRefused(f"{checkpoint_id} is in the trash; bring it back instead. Nothing was saved")


def first_or_conflict(stored: Checkpoint, again: Checkpoint) -> Checkpoint:
    """Return the stored record of a repeated save; refuse another content under the same id."""
    names = (stored.agent_id, stored.thread_id, stored.sha256)
    if names != (again.agent_id, again.thread_id, again.sha256):
        raise PlanRefused(
            f"{stored.id} is already saved with another content; nothing was overwritten"
        )
    return stored
