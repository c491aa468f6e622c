"""Saving into a bucket: frames, and then the thread's object, which is what makes them count."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from checkpoints.errors import CheckpointError, HeadMoved, TransientStoreError
from checkpoints.records import Checkpoint, Draft, State
from checkpoints.stores.drafts import (
    first_or_conflict,
    next_heads,
    refuse_trashed,
    saved_before,
    saved_chain,
)
from checkpoints.stores.framing import Chain, Places, Prepared, Unplaced
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


def save(
    frames: Frames, drafts: Sequence[tuple[Draft, State]], expected: str | None
) -> list[Checkpoint]:
    """Save a chain durably, all or none, and make its last the head.

    Raises HeadMoved, PlanRefused, UnsupportedState.
    """
    return saved_chain(drafts, expected, lambda rest, head: _saved(frames, rest, head))


def _saved(
    frames: Frames, drafts: Sequence[tuple[Draft, State]], expected: str | None
) -> list[Checkpoint]:
    name = object_keys.thread_name(drafts[0][0].agent_id, drafts[0][0].thread_id)

    def prepared(after: str | None) -> Chain:
        return frames.framing.prepare_chain(
            drafts, after=after, fetch=lambda before: frames.links_of(name, before)
        )

    try:
        return _kept(frames, name, prepared(expected), expected)
    except BaseGone:
        return _kept(frames, name, prepared(None), expected)


def _kept(frames: Frames, name: ThreadName, chain: Chain, expected: str | None) -> list[Checkpoint]:
    save_once = _Save(frames, name, chain, expected)
    try:
        found = frames.threads.change(name, save_once.attempt, known=True)
    except HeadMoved:
        firsts = saved_before([_first(frames, prepared.record) for prepared in chain])
        if firsts is None:
            raise
        return firsts
    except TransientStoreError as error:
        raise TransientStoreError(f"{error}{_UNKNOWN}") from error
    if isinstance(found, list):
        return found
    frames.framing.chain_landed(chain, found)
    return [prepared.record for prepared in chain]


class _Save:
    """One save, tried on the thread's log as it is at the moment."""

    def __init__(
        self, frames: Frames, name: ThreadName, chain: Chain, expected: str | None
    ) -> None:
        self._frames = frames
        self._name = name
        self._chain = chain
        self._records = [prepared.record for prepared in chain]
        self._expected = expected
        self._last: list[Saved] = []

    def attempt(self, log: ThreadLog | None) -> tuple[ThreadLog | None, list[Checkpoint] | Places]:
        """Write the frames; return the log with them, and their places.

        Where their ids have been saved before, return no log and the first records.
        """
        firsts = self._arrived(log) if log else None
        if firsts is not None:
            return None, firsts
        heads = next_heads(log.head if log else None, self._records, expected=self._expected)
        placed = self._place(log)
        if placed is not self._last:
            others, self._last = self._write(placed), placed
            firsts = self._firsts(others)
            if firsts is not None:
                return None, firsts
        for saved, head, record in zip(placed, heads, self._records, strict=True):
            log = after_save(log, saved, head, record)
        return log, self._places(placed, log)

    def _places(self, placed: Sequence[Saved], log: ThreadLog | None) -> Places:
        swept = log.swept if log else 0
        return Places(known={s.id: base_key(self._name, s.seq, swept) for s in placed})

    def _arrived(self, log: ThreadLog) -> list[Checkpoint] | None:
        """Return the records when the attempt before arrived after all, though no answer came.

        When it cannot arrive any more its frames are deleted.
        """
        last = self._last
        if not last or log.seq < last[0].seq:
            return None
        items = [self._frames.threads.item(log, saved.seq) for saved in last]
        there = [
            i for i, s in zip(items, last, strict=True) if isinstance(i, Saved) and i.id == s.id
        ]
        if len(there) == len(last):
            both = zip(there, self._records, strict=True)
            return [first_or_conflict(record_of(log, saved), again) for saved, again in both]
        self._discard()
        return None

    def _firsts(self, names: Sequence[list[FrameName]]) -> list[Checkpoint] | None:
        """Return the records that were saved first under these ids; then these frames go."""
        both = zip(self._records, names, strict=True)
        try:
            firsts = saved_before([_first(self._frames, *one) for one in both])
        except CheckpointError:
            self._discard()
            raise
        if firsts is not None:
            self._discard()
        return firsts

    def _discard(self) -> None:
        self._frames.bucket.delete([saved.frame(self._name).key for saved in self._last])
        self._last = []

    def _place(self, log: ThreadLog | None) -> list[Saved]:
        seq = (log.seq if log else 0) + 1
        if self._last and self._last[0].seq == seq:
            return self._last
        seqs = {record.id: seq + number for number, record in enumerate(self._records)}
        swept = log.swept if log else 0
        return [self._saved(prepared, seqs, swept) for prepared in self._chain]

    def _saved(self, prepared: Prepared, seqs: dict[str, int], swept: int) -> Saved:
        record, packed = prepared.record, prepared.packed
        return Saved(
            seq=seqs[record.id],
            id=record.id,
            write=seqs[record.id],
            nonce=object_keys.new_nonce(),
            base=self._base(packed.base, seqs, swept),
            record=pack_record(record),
            size=len(packed.data),
        )

    def _base(self, key: Any, seqs: dict[str, int], swept: int) -> int | None:
        """Return the number of what a frame stands on. Raises BaseGone."""
        if isinstance(key, Unplaced):
            return seqs[key.checkpoint_id]
        if key is None:
            return None
        seq = int(key[1])
        if key != base_key(self._name, seq, swept):
            raise BaseGone
        return seq

    def _write(self, placed: Sequence[Saved]) -> list[list[FrameName]]:
        """Write the frames and return what else was ever written under their ids, at once."""
        bucket = self._frames.bucket
        both = zip(placed, self._chain, strict=True)
        writing = [bucket.start(partial(self._write_one, *one)) for one in both]
        others = bucket.at_once(self._others, placed)
        for one in writing:
            one.result()
        return others

    def _write_one(self, saved: Saved, prepared: Prepared) -> None:
        record = prepared.record
        frame = FrameObject(
            record.id,
            record.agent_id,
            record.thread_id,
            saved.seq,
            saved.base,
            saved.record,
            prepared.packed.data,
        )
        self._frames.write(saved.frame(self._name), frame)

    def _others(self, saved: Saved) -> list[FrameName]:
        own = saved.frame(self._name)
        return [name for name in self._frames.of(saved.id) if name != own]


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
