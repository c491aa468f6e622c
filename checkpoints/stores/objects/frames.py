"""The frames of a store in a bucket: written, found by their checkpoint's id, and read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

from checkpoints.bodies.chains import Link
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint
from checkpoints.stores.framing import Framing
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bucket import Bucket
from checkpoints.stores.objects.bytes import FrameObject, pack_frame_object, unpack_frame_object
from checkpoints.stores.objects.keys import FrameName, ThreadName
from checkpoints.stores.objects.log import Item, Place, Saved, ThreadLog
from checkpoints.stores.objects.threads import ObjectGone, Threads

LONGEST_CHAIN = 64


class Frames:
    """Everything that the parts of such a store share."""

    def __init__(self, bucket: Bucket, framing: Framing) -> None:
        self.bucket = bucket
        self.framing = framing
        self.threads = Threads(bucket)

    def write(self, name: FrameName, frame: FrameObject) -> None:
        """Write a frame under a name that is like no other."""
        self.bucket.create(name.key, pack_frame_object(name.key, frame))

    def of(self, checkpoint_id: str) -> list[FrameName]:
        """Return the names of the frames that were ever written for a checkpoint's id."""
        listed = self.bucket.listed(object_keys.frames_of(checkpoint_id))
        names = [object_keys.frame_of_key(at.key) for at in listed]
        return [name for name in names if name is not None]

    def places(
        self, checkpoint_id: str, names: Iterable[FrameName] | None = None
    ) -> list[tuple[ThreadLog, Saved]]:
        """Return where a checkpoint is, in the trash or not: once for each thread that has it."""
        found = self.of(checkpoint_id) if names is None else list(names)
        seqs: dict[ThreadName, set[int]] = {}
        for name in found:
            seqs.setdefault(name.thread, set()).add(name.seq)
        places = [self._place(thread, checkpoint_id, seqs[thread]) for thread in seqs]
        return [place for place in places if place is not None]

    def find(self, log: ThreadLog, checkpoint_id: str) -> Saved | None:
        """Return a checkpoint of a thread, in the trash or not, also one whose frame is gone."""
        for item in reversed(log.tail):
            if _is(item, checkpoint_id):
                return item
        seqs = {name.seq for name in self.of(checkpoint_id) if name.thread == log.name}
        found = self._at(log, checkpoint_id, seqs)
        if found is None:
            items = self.threads.items(log)
            found = next((item for item in items if _is(item, checkpoint_id)), None)
        return found

    def chain(self, log: ThreadLog, saved: Saved) -> list[Saved]:
        """Return a checkpoint and those that its frame stands on. Raises CorruptCheckpoint."""
        found = [saved]
        while (base := found[-1].base) is not None:
            item = self.threads.item(log, base)
            whole = isinstance(item, Saved) and item.place is not Place.GONE
            if not isinstance(item, Saved) or not whole or len(found) > LONGEST_CHAIN:
                raise CorruptCheckpoint(
                    f"{saved.id}: a frame that it stands on is gone", checkpoint_id=saved.id
                )
            found.append(item)
        return found

    def links(self, log: ThreadLog, saved: Saved) -> list[Link]:
        """Return a checkpoint's frames, newest first. Raises CorruptCheckpoint."""
        chain = self.chain(log, saved)
        keys = [item.frame(log.name).key for item in chain]
        contents = self.bucket.contents(keys)
        return [
            Link(
                key=base_key(log.name, item.seq, log.swept),
                checkpoint_id=item.id,
                data=_frame(key, data, item.id),
            )
            for key, data, item in zip(keys, contents, chain, strict=True)
        ]

    def links_of(self, name: ThreadName, checkpoint_id: str) -> list[Link]:
        """Return the frames of a checkpoint of a thread, none when it is not there."""

        def links(log: ThreadLog | None) -> list[Link]:
            saved = self.find(log, checkpoint_id) if log else None
            return self.links(log, saved) if log and saved else []

        return self.threads.look(name, links, known=True) or self.threads.look(name, links)

    def links_of_record(self, record: Checkpoint) -> Sequence[Link]:
        """Return a checkpoint's frames. Raises CorruptCheckpoint, also when they are gone."""
        why = record.damage
        name = object_keys.thread_name(record.agent_id, record.thread_id)
        links = [] if why else self.links_of(name, record.id)
        if not links:
            why = why or "its frame is gone"
            raise CorruptCheckpoint(f"{record.id}: {why}", checkpoint_id=record.id)
        return links

    def _place(
        self, thread: ThreadName, checkpoint_id: str, seqs: set[int]
    ) -> tuple[ThreadLog, Saved] | None:
        def place(log: ThreadLog | None) -> tuple[ThreadLog, Saved] | None:
            saved = self._at(log, checkpoint_id, seqs) if log else None
            return (log, saved) if log and saved else None

        return self.threads.look(thread, place)

    def _at(self, log: ThreadLog, checkpoint_id: str, seqs: set[int]) -> Saved | None:
        items = (self.threads.item(log, seq) for seq in sorted(seqs, reverse=True))
        return next((i for i in items if i is not None and _is(i, checkpoint_id)), None)


def base_key(name: ThreadName, seq: int, swept: int) -> tuple[Any, ...]:
    """Return what a save remembers of the frame before: it holds until frames are taken away."""
    return str(name), seq, swept


def _is(item: Item, checkpoint_id: str) -> TypeGuard[Saved]:
    return isinstance(item, Saved) and item.id == checkpoint_id and item.place is not Place.GONE


def _frame(key: str, data: bytes | None, checkpoint_id: str) -> bytes:
    if data is None:
        raise ObjectGone(f"{checkpoint_id}: its frame is gone", checkpoint_id=checkpoint_id)
    try:
        return unpack_frame_object(key, data).data
    except CorruptCheckpoint as error:
        raise CorruptCheckpoint(f"{checkpoint_id}: {error}", checkpoint_id=checkpoint_id) from error
