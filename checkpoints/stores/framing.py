"""What a store does with frames: it writes each save against the one before, and reads chains.

A ``Framing`` remembers the last states that its store saved, so that the next save of a thread
compares in memory and reads nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from checkpoints.bodies.chains import Link, Packed, StoredState, Tip, pack_next, tip_of
from checkpoints.bodies.encryption import Keyring
from checkpoints.bodies.states import encode_state
from checkpoints.errors import CheckpointError, CorruptCheckpoint, StoreError
from checkpoints.forks import renew_in_children
from checkpoints.records import Checkpoint, Draft, State
from checkpoints.stores.drafts import measured

REMEMBERED = 128 * 1024 * 1024
"""Bytes of states that one store remembers."""
THREADS = 4096

FetchChain = Callable[[str], Sequence[Link]]
"""Returns the chain of a checkpoint's frames, newest first, empty when it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A checkpoint that is ready to be kept: its record and its frame."""

    record: Checkpoint
    packed: Packed
    after: str | None


Chain = Sequence[Prepared]
"""Checkpoints that follow one another and are kept together."""


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Stands for the row of a checkpoint that is to be kept together with what stands on it."""

    checkpoint_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the checkpoints of a chain were kept, by their ids."""

    known: dict[str, Any] = field(default_factory=dict)

    def of(self, key: Any) -> Any:
        """Return the key of a row, also where it was not known when the frame was made."""
        return self.known[key.checkpoint_id] if isinstance(key, Unplaced) else key


class Framing:
    """Makes and reads the frames of one store."""

    def __init__(self, keys: Keyring | None = None) -> None:
        self.keys = keys
        self._tips: OrderedDict[str, Tip] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds."""
        self._lock = threading.Lock()

    def prepare(
        self, draft: Draft, state: State, *, after: str | None, fetch: FetchChain
    ) -> Prepared:
        """Encode a state against that of the checkpoint ``after``.

        Where that one cannot be read the frame is whole: a save never fails for it. Raises
        UnsupportedState.
        """
        return self.prepare_chain([(draft, state)], after=after, fetch=fetch)[0]

    def prepare_chain(
        self,
        drafts: Sequence[tuple[Draft, State]],
        *,
        after: str | None,
        fetch: FetchChain,
    ) -> list[Prepared]:
        """Encode states that follow one another, each against the one before.

        The first stands on its parent where that is another than the head ``after``: branches
        that are saved in turn have little in common. What their frames stand on is
        :class:`Unplaced` until they are kept. Raises UnsupportedState.
        """
        chain: list[Prepared] = []
        after, tip = self._base(drafts[0][0].parent_id, after, fetch)
        for draft, state in drafts:
            if chain:
                after = chain[-1].record.id
                tip = chain[-1].packed.landed(Unplaced(after))
            chain.append(self._prepared(draft, state, after, tip))
        return chain

    def prepare_whole(self, draft: Draft, state: State) -> Prepared:
        """Encode a state so that it stands on nothing."""
        return self.prepare(draft, state, after=None, fetch=_nothing)

    def landed(self, prepared: Prepared, key: Any) -> None:
        """Remember what was kept under ``key``, for the save that follows it."""
        self.chain_landed([prepared], Places(known={prepared.record.id: key}))

    def chain_landed(self, chain: Chain, places: Places) -> None:
        """Remember the last of what was kept, for the save that follows it."""
        last = chain[-1]
        tip = last.packed.landed(places.known[last.record.id])
        if len(chain) > 1:
            tip = tip.rekeyed(places.of)
        with self._lock:
            self._forget(chain[0].after)
            self._remember(last.record.id, tip)

    def forget(self, checkpoint_ids: Sequence[str] = ()) -> None:
        """Forget some tips, or all: their rows were removed or written anew."""
        with self._lock:
            for checkpoint_id in checkpoint_ids or list(self._tips):
                self._forget(checkpoint_id)

    def stored(self, record: Checkpoint, links: Sequence[Link]) -> StoredState:
        """Open a stored state. Raises CorruptCheckpoint naming the checkpoint."""
        try:
            return StoredState(links, self.keys)
        except StoreError as error:
            raise type(error)(f"{record.id}: {error}") from error
        except CorruptCheckpoint as error:
            raise CorruptCheckpoint(f"{record.id}: {error}", checkpoint_id=record.id) from error

    def load(self, record: Checkpoint, links: Sequence[Link]) -> dict[str, Any]:
        """Return a state, each field checked. Raises CorruptCheckpoint naming the checkpoint."""
        try:
            return self.stored(record, links).decoded()
        except CorruptCheckpoint as error:
            if error.checkpoint_id:
                raise
            raise CorruptCheckpoint(f"{record.id}: {error}", checkpoint_id=record.id) from error

    def require_digest(self, record: Checkpoint, links: Sequence[Link]) -> None:
        """Decode a state and hold it against its record. Raises CorruptCheckpoint."""
        stored = self.stored(record, links)
        self.load(record, links)
        if stored.encoded().sha256 != record.sha256:
            raise CorruptCheckpoint(
                f"{record.id}: its state is not the recorded one: the digest differs",
                checkpoint_id=record.id,
            )

    def _prepared(self, draft: Draft, state: State, after: str | None, tip: Tip | None) -> Prepared:
        encoded = encode_state(state, tip.state if tip else None)
        packed = pack_next(encoded, tip, checkpoint_id=draft.id, keys=self.keys)
        record = measured(
            draft, size=encoded.size, stored_size=len(packed.data), sha256=encoded.sha256
        )
        return Prepared(record=record, packed=packed, after=after)

    def _base(
        self, parent_id: str | None, after: str | None, fetch: FetchChain
    ) -> tuple[str | None, Tip | None]:
        """Return what a frame stands on: in a thread that has begun its parent, else the head."""
        if after is not None and parent_id not in (None, after):
            tip = self._tip(parent_id, fetch)
            if tip is not None:
                return parent_id, tip
        return after, self._tip(after, fetch)

    def _tip(self, checkpoint_id: str | None, fetch: FetchChain) -> Tip | None:
        if checkpoint_id is None:
            return None
        with self._lock:
            tip = self._tips.get(checkpoint_id)
        if tip is not None:
            return tip
        try:
            links = fetch(checkpoint_id)
            return tip_of(links, self.keys) if links else None
        except CheckpointError:
            return None

    def _remember(self, checkpoint_id: str, tip: Tip) -> None:
        self._tips[checkpoint_id] = tip
        self._size += tip.size
        while len(self._tips) > THREADS or (self._size > REMEMBERED and len(self._tips) > 1):
            self._forget(next(iter(self._tips)))

    def _forget(self, checkpoint_id: str | None) -> None:
        tip = self._tips.pop(checkpoint_id, None) if checkpoint_id is not None else None
        if tip is not None:
            self._size -= tip.size


def _nothing(_checkpoint_id: str) -> Sequence[Link]:
    return ()
