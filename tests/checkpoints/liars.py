"""Stores that break one promise each. Child processes open them too, by these functions' names."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from checkpoints.errors import CheckpointError, HeadMoved, StoreError
from checkpoints.records import (
    Checkpoint,
    Directive,
    Draft,
    Finding,
    Head,
    JournalEntry,
    Removal,
    State,
)
from checkpoints.stores.sqlite.store import SqliteStore
from checkpoints.stores.urls import parse_url


class _Liar(SqliteStore):
    def __init__(self, url: str) -> None:
        super().__init__(parse_url(url).path, url)


def _made_up(draft: Draft) -> Checkpoint:
    """Return a record of something that was never kept."""
    values = {f.name: getattr(draft, f.name) for f in dataclasses.fields(draft)}
    return Checkpoint(**values, size=1, stored_size=1, sha256="0" * 64)


class _Flattening(_Liar):
    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        flat = {k: list(v) if isinstance(v, tuple) else v for k, v in _inner(state).items()}
        return super().put(draft, flat, expected_head=expected_head)


def _inner(state: Any) -> dict[str, Any]:
    return {
        k: [list(i) if isinstance(i, tuple) else i for i in v] if isinstance(v, list) else v
        for k, v in state.items()
    }


def turning_tuples_into_lists(url: str) -> SqliteStore:
    return _Flattening(url)


class _Swallowing(_Liar):
    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        try:
            return super().put(draft, state, expected_head=expected_head)
        except CheckpointError:
            return _made_up(draft)


def keeping_quiet_about_what_it_cannot_keep(url: str) -> SqliteStore:
    return _Swallowing(url)


class _ForgettingFields(_Liar):
    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        lesser = dataclasses.replace(draft, step_name=None)
        return super().put(lesser, state, expected_head=expected_head)


def forgetting_a_field(url: str) -> SqliteStore:
    return _ForgettingFields(url)


class _Buffering(_Liar):
    """Acknowledges first and writes every tenth time."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._waiting: list[tuple[Draft, State, str | None]] = []

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        self._waiting.append((draft, state, expected_head))
        if len(self._waiting) == 10:
            self._flush()
        return _made_up(draft)

    def close(self) -> None:
        self._flush()
        super().close()

    def _flush(self) -> None:
        for draft, state, expected in self._waiting:
            super().put(draft, state, expected_head=expected)
        self._waiting.clear()


def acknowledging_before_it_writes(url: str) -> SqliteStore:
    return _Buffering(url)


class _Careless(_Liar):
    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        try:
            return super().put(draft, state, expected_head=expected_head)
        except HeadMoved as error:
            return super().put(draft, state, expected_head=error.actual)


def letting_everybody_win(url: str) -> SqliteStore:
    return _Careless(url)


class _Crowded(_Liar):
    """Loses what comes while it is busy."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._busy = threading.Lock()

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        if not self._busy.acquire(blocking=False):
            return _made_up(draft)
        try:
            return super().put(draft, state, expected_head=expected_head)
        finally:
            self._busy.release()


def losing_saves_of_a_crowd(url: str) -> SqliteStore:
    return _Crowded(url)


class _Boastful(_Liar):
    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        try:
            return super().put(draft, state, expected_head=expected_head)
        except StoreError:
            return _made_up(draft)


def acknowledging_when_the_disk_is_full(url: str) -> SqliteStore:
    return _Boastful(url)


class _Guessing(_Liar):
    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        try:
            return super().load(checkpoint)
        except CheckpointError:
            return {}


def guessing_what_it_cannot_read(url: str) -> SqliteStore:
    return _Guessing(url)


class _Cheerful(_Liar):
    def verify(self) -> Iterator[Finding]:
        return iter(())


def finding_everything_in_order(url: str) -> SqliteStore:
    return _Cheerful(url)


class _Pointing(_Liar):
    """Says that the head moved and leaves it."""

    def set_head(
        self,
        checkpoint: Checkpoint,
        *,
        expected: str | None,
        now: datetime,
        operation_id: str | None = None,
        reason: str | None = None,
        directive: Directive | None = None,
    ) -> Head:
        return Head(
            agent_id=checkpoint.agent_id,
            thread_id=checkpoint.thread_id,
            checkpoint_id=checkpoint.id,
            version=9,
            moved_at=now,
            operation_id=operation_id,
            reason=reason,
            directive=directive,
        )


def saying_that_the_head_moved(url: str) -> SqliteStore:
    return _Pointing(url)


class _Truncating(_Liar):
    """Throws away what a restore left behind, as other frameworks do."""

    def set_head(self, checkpoint: Checkpoint, **values: Any) -> Head:
        head = super().set_head(checkpoint, **values)
        later = [r.id for r in self.history(None, checkpoint.thread_id) if r.step > checkpoint.step]
        with contextlib.suppress(CheckpointError):
            self.trash(dict.fromkeys(later, "restored"), now=values["now"])
        return head


def losing_what_a_restore_left_behind(url: str) -> SqliteStore:
    return _Truncating(url)


class _Shredding(_Liar):
    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        removals = super().trash(checkpoints, now=now)
        super().sweep(before=now + timedelta(seconds=1))
        return removals


def deleting_instead_of_trashing(url: str) -> SqliteStore:
    return _Shredding(url)


class _Unguarded(_Liar):
    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        for pin in self.pins():
            self.unpin(self.get(pin.checkpoint_id))
        return super().trash(checkpoints, now=now)


def trashing_what_is_pinned(url: str) -> SqliteStore:
    return _Unguarded(url)


class _Greedy(_Liar):
    def sweep(self, *, before: datetime) -> int:
        return super().sweep(before=before + timedelta(days=30))


def sweeping_what_is_too_young(url: str) -> SqliteStore:
    return _Greedy(url)


class _Rebasing(_Liar):
    """Deletes bases under what stands on them."""

    def sweep(self, *, before: datetime) -> int:
        with self._writing() as db:
            going = "SELECT position FROM checkpoints WHERE trashed IS NOT NULL ORDER BY position"
            db.execute(f"DELETE FROM checkpoints WHERE position IN ({going} LIMIT 3)")
        return 1


def sweeping_what_others_stand_on(url: str) -> SqliteStore:
    return _Rebasing(url)


class _Forgetful(_Liar):
    """Keeps an entry's last content instead of its first."""

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        return super().record(entries, replace=True)


def recording_over_what_was_first(url: str) -> SqliteStore:
    return _Forgetful(url)


class _Sloppy(_Liar):
    """Keeps an entry's data as JSON would."""

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        flat = [dataclasses.replace(e, data=_listed(e.data)) for e in entries]
        return super().record(flat, replace=replace)


def _listed(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        k: [list(i) if type(i) is tuple else i for i in v] if type(v) is list else v
        for k, v in data.items()
    }


def turning_tuples_of_entries_into_lists(url: str) -> SqliteStore:
    return _Sloppy(url)


class _Disorderly(_Liar):
    def entries(self, agent_id: str, thread_id: str, **values: Any) -> list[JournalEntry]:
        return super().entries(agent_id, thread_id, **values)[::-1]


def listing_entries_backwards(url: str) -> SqliteStore:
    return _Disorderly(url)


class _Generous(_Liar):
    """Says of every entry that it is new."""

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        super().record(entries, replace=replace)
        return len(entries)


def saying_that_every_entry_is_new(url: str) -> SqliteStore:
    return _Generous(url)


class _Hoarding(_Liar):
    """Trashes what it should erase."""

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        for pin in self.pins():
            self.unpin(self.get(pin.checkpoint_id))
        ids = checkpoint_ids or [c.id for c in self.history(agent_id, thread_id)]
        left = [c for c in self.history(agent_id, thread_id) if c.id not in ids]
        head = self.head(agent_id, thread_id)
        if left and head:
            self.set_head(left[0], expected=head.checkpoint_id, now=now)
        return len(self.trash(dict.fromkeys(ids, "erased"), now=now))


def trashing_what_it_should_erase(url: str) -> SqliteStore:
    return _Hoarding(url)


class _Naming(_Liar):
    """Leaves the entries that name what was erased."""

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        kept = self.entries(agent_id, thread_id, kind="effect")
        erased = super().erase(agent_id, thread_id, checkpoint_ids, now=now)
        self.record(kept)
        return erased


def leaving_entries_of_what_was_erased(url: str) -> SqliteStore:
    return _Naming(url)


class _Cutting(_Liar):
    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        cut = {k: v[:1_000_000] if isinstance(v, str) else v for k, v in state.items()}
        return super().put(draft, cut, expected_head=expected_head)


def cutting_long_texts(url: str) -> SqliteStore:
    return _Cutting(url)


class _Raising(_Liar):
    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        raise KeyError("trash")


def raising_what_is_not_a_stores_error(url: str) -> SqliteStore:
    return _Raising(url)
