"""Saving into a bucket: a frame, and then the thread's object, which is what makes it count."""

from __future__ import annotations

from checkpoints.errors import CheckpointError, HeadMoved, PlanRefused, TransientStoreError
from checkpoints.records import Checkpoint, Draft, State
from checkpoints.stores.drafts import first_or_conflict, next_head, refuse_trashed
from checkpoints.stores.framing import Prepared
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bytes import FrameObject, record_of
from checkpoints.stores.objects.frames import Frames, base_key
from checkpoints.stores.objects.keys import FrameName, ThreadName
from checkpoints.stores.objects.log import Place, Saved, ThreadLog, after_save
from checkpoints.stores.record_bytes import pack_record

_UNKNOWN = (
    "; it is not known whether this save arrived. Save it again with the same id: it is kept once"
)


class BaseGone(CheckpointError):
    """Frames of the thread were taken away after this one was written against one of them."""


def save(frames: Frames, draft: Draft, state: State, expected: str | None) -> Checkpoint:
    """Save durably and make it the head. Raises HeadMoved, PlanRefused, UnsupportedState."""
    name = object_keys.thread_name(draft.agent_id, draft.thread_id)
    prepared = frames.framing.prepare(
        draft, state, after=expected, fetch=lambda before: frames.links_of(name, before)
    )
    try:
        return _saved(frames, name, prepared, expected)
    except BaseGone:
        prepared = frames.framing.prepare_whole(draft, state)
        return _saved(frames, name, prepared, expected)


def _saved(
    frames: Frames, name: ThreadName, prepared: Prepared, expected: str | None
) -> Checkpoint:
    save_once = _Save(frames, name, prepared, expected)
    try:
        found = frames.threads.change(name, save_once.attempt, known=True)
    except HeadMoved:
        first = _first(frames, prepared.record)
        if first is None:
            raise
        return first
    except TransientStoreError as error:
        raise TransientStoreError(f"{error}{_UNKNOWN}") from error
    if isinstance(found, Checkpoint):
        return found
    frames.framing.landed(prepared, base_key(name, *found))
    return prepared.record


class _Save:
    """One save, tried on the thread's log as it is at the moment."""

    def __init__(
        self, frames: Frames, name: ThreadName, prepared: Prepared, expected: str | None
    ) -> None:
        self._frames = frames
        self._name = name
        self._prepared = prepared
        self._expected = expected
        self._last: Saved | None = None

    def attempt(
        self, log: ThreadLog | None
    ) -> tuple[ThreadLog | None, Checkpoint | tuple[int, int]]:
        """Write the frame; return the log with it, and what its place is remembered by.

        Where the id has been saved before, return no log and the first record.
        """
        record = self._prepared.record
        first = self._arrived(log) if log and self._last else None
        if first is not None:
            return None, first
        head = next_head(log.head if log else None, record, expected=self._expected)
        saved = self._place(log)
        if saved is not self._last:
            before, self._last = self._write(saved), saved
            first = self._first(before) if before else None
            if first is not None:
                return None, first
        after = after_save(log, saved, head, record)
        return after, (saved.seq, after.swept)

    def _arrived(self, log: ThreadLog) -> Checkpoint | None:
        """Return the record when the attempt before arrived after all, though no answer came.

        When it cannot arrive any more its frame is deleted.
        """
        last = self._last
        if last is None or log.seq < last.seq:
            return None
        item = self._frames.threads.item(log, last.seq)
        if isinstance(item, Saved) and item.id == last.id:
            return first_or_conflict(record_of(log, item), self._prepared.record)
        self._discard(last)
        return None

    def _first(self, names: list[FrameName]) -> Checkpoint | None:
        """Return the record that was saved first under this id; then this frame is deleted."""
        try:
            first = _first(self._frames, self._prepared.record, names)
        except PlanRefused:
            self._discard(self._last)
            raise
        if first is not None:
            self._discard(self._last)
        return first

    def _discard(self, saved: Saved | None) -> None:
        if saved is not None:
            self._frames.bucket.delete([saved.frame(self._name).key])
            self._last = None

    def _place(self, log: ThreadLog | None) -> Saved:
        seq = (log.seq if log else 0) + 1
        if self._last is not None and self._last.seq == seq:
            return self._last
        packed, record = self._prepared.packed, self._prepared.record
        base = None if packed.base is None else packed.base[1]
        swept = log.swept if log else 0
        if base is not None and packed.base != base_key(self._name, base, swept):
            raise BaseGone
        return Saved(
            seq=seq,
            id=record.id,
            write=seq,
            nonce=object_keys.new_nonce(),
            base=base,
            record=pack_record(record),
            size=len(packed.data),
        )

    def _write(self, saved: Saved) -> list[FrameName]:
        """Write the frame and return what else was ever written under this id, at once."""
        record, own = self._prepared.record, saved.frame(self._name)
        frame = FrameObject(
            record.id,
            record.agent_id,
            record.thread_id,
            saved.seq,
            saved.base,
            saved.record,
            self._prepared.packed.data,
        )
        writing = self._frames.bucket.start(lambda: self._frames.write(own, frame))
        others = [name for name in self._frames.of(record.id) if name != own]
        writing.result()
        return others


def _first(
    frames: Frames, record: Checkpoint, names: list[FrameName] | None = None
) -> Checkpoint | None:
    """Return the record that was saved first under this id, None when there is none.

    Raises PlanRefused when it is another checkpoint or lies in the trash.
    """
    for log, saved in frames.places(record.id, names):
        if saved.place is Place.TRASHED:
            raise refuse_trashed(record.id)
        return first_or_conflict(record_of(log, saved), record)
    return None
