"""Frames that stand on each other: what to write next, and how to read it back.

A whole frame begins a segment of at most 128 checkpoints, of 16 where states are short. Every
sixteenth frame of it (every fourth) is a key frame, written against the key frame before; the
others are deltas against the checkpoint before. So no state needs more than 23 frames, and a
damaged one costs nothing outside its segment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checkpoints.bodies.content import Content, content, joined, length_of, too_large
from checkpoints.bodies.encoding import decode
from checkpoints.bodies.encryption import Keyring
from checkpoints.bodies.frames import (
    Frame,
    Level,
    check_of_all,
    check_of_short,
    open_frame,
    pack_frame,
    pack_short,
)
from checkpoints.bodies.patches import Op, difference, written
from checkpoints.bodies.states import (
    MAX_STATE,
    EncodedState,
    LongState,
    Name,
    ShortState,
    check_of,
    long_state,
    short_state,
)
from checkpoints.errors import CorruptCheckpoint

GROUP, GROUPS = 16, 8
"""Frames from one key frame to the next, and key frames of a segment, the whole one among them."""
SHORT_GROUP, SHORT_GROUPS = 4, 4
"""The same for short states, whose frames are all unpacked to read one."""
WORTHLESS = 0.8
"""Share of new bytes above which a frame is written whole."""
SMALL = 512
"""Bytes of a state that is always written whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The end of a chain, in memory: all that is needed to write the next frame.

    ``key`` is the store's own name of the checkpoint's row. ``deltas`` counts the frames behind
    the key frame, ``groups`` the key frames before that one.
    """

    key: Any
    state: EncodedState
    deltas: int = 0
    groups: int = 0
    key_frame: Tip | None = None

    @property
    def group(self) -> Tip:
        """The key frame (or whole frame) that this one stands on, itself if it is one."""
        return self.key_frame or self

    @property
    def size(self) -> int:
        """Bytes that the tip and its key frame hold in memory at most."""
        return self.state.size + (self.key_frame.state.size if self.key_frame else 0)

    def rekeyed(self, key_of: Callable[[Any], Any]) -> Tip:
        """Return the same end of the chain under the keys that its rows have by now."""
        frame = self.key_frame.rekeyed(key_of) if self.key_frame else None
        return replace(self, key=key_of(self.key), key_frame=frame)


Change = tuple[int, bytes, Sequence[Op]]
"""A field's number, its check, and its parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One frame of a chain as it lies in a store."""

    key: Any
    checkpoint_id: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A frame that is ready to be kept. ``base`` is the key of the row it stands on, if any."""

    data: bytes
    level: Level
    state: EncodedState
    tip: Tip | None

    @property
    def base(self) -> Any:
        """The key of the row that this frame stands on, None for a whole one."""
        return self.tip.key if self.tip else None

    def landed(self, key: Any) -> Tip:
        """Return the tip that this frame is, once it is kept under ``key``."""
        if self.tip is None:
            return Tip(key=key, state=self.state)
        if self.level is Level.KEY:
            return Tip(key=key, state=self.state, groups=self.tip.groups + 1)
        return Tip(
            key=key,
            state=self.state,
            deltas=self.tip.deltas + 1,
            groups=self.tip.groups,
            key_frame=self.tip.group,
        )


def pack_next(
    state: EncodedState,
    tip: Tip | None,
    *,
    checkpoint_id: str,
    keys: Keyring | None = None,
) -> Packed:
    """Return the frame for a state that follows a tip (None: that begins anew)."""
    level = _level_after(tip, state)
    base = tip.group if tip is not None and level is Level.KEY else tip
    if level is Level.WHOLE:
        base = None
    known = state.changes if base is tip and isinstance(state, LongState) else None
    return pack_against(base, state, level, checkpoint_id=checkpoint_id, keys=keys, known=known)


def pack_against(
    base: Tip | None,
    state: EncodedState,
    level: Level,
    *,
    checkpoint_id: str,
    keys: Keyring | None = None,
    known: Mapping[Name, list[Op]] | None = None,
) -> Packed:
    """Return the frame for a state against an earlier one, whole where little of that is kept.

    ``known`` may hold what the fields keep of it, where that was found out already.
    """
    if isinstance(state, ShortState):
        return _packed_short(base, state, level, checkpoint_id, keys)
    earlier = base.state if base is not None else None
    changes: list[Change] = []
    if isinstance(earlier, LongState):
        changes = _changes(state, earlier, known)
        if sum(written(ops) for _, _, ops in changes) > WORTHLESS * state.size:
            earlier = None
    if base is None or not isinstance(earlier, LongState):
        base, earlier, level = None, None, Level.WHOLE
        whole = enumerate(state.fields.values())
        changes = [(number, item.check, [item.data]) for number, item in whole]
    names = list(state.fields)
    data = pack_frame(
        level,
        names=None if earlier and names == list(earlier.fields) else names,
        whole=check_of_all(checkpoint_id, names, [item.check for item in state.fields.values()]),
        changes=changes,
        checkpoint_id=checkpoint_id,
        keys=keys,
    )
    return Packed(data=data, level=level, state=state, tip=base)


def _packed_short(
    base: Tip | None, state: ShortState, level: Level, checkpoint_id: str, keys: Keyring | None
) -> Packed:
    if base is None or not isinstance(base.state, ShortState):
        data = pack_short(Level.WHOLE, state.data, None, checkpoint_id=checkpoint_id, keys=keys)
        return Packed(data=data, level=Level.WHOLE, state=state, tip=None)
    known = base.state.data
    data = pack_short(level, state.data, known, checkpoint_id=checkpoint_id, keys=keys)
    return Packed(data=data, level=level, state=state, tip=base)


def _level_after(tip: Tip | None, state: EncodedState) -> Level:
    if tip is None or state.size < SMALL:
        return Level.WHOLE
    short = isinstance(state, ShortState)
    if tip.deltas + 1 < (SHORT_GROUP if short else GROUP):
        return Level.DELTA
    return Level.KEY if tip.groups + 1 < (SHORT_GROUPS if short else GROUPS) else Level.WHOLE


def _changes(
    state: LongState, earlier: LongState, known: Mapping[Name, list[Op]] | None
) -> list[Change]:
    """Return what is not the earlier state's. A field that it has not got is written whole."""
    changes: list[Change] = []
    for number, (name, item) in enumerate(state.fields.items()):
        old = earlier.fields.get(name)
        if old is None:
            changes.append((number, item.check, [item.data]))
        elif old is not item and old.data != item.data:
            ops = known.get(name) if known is not None else None
            changes.append((number, item.check, ops or difference(old.data, item.data)))
    return changes


def tip_of(links: Sequence[Link], keys: Keyring | None = None) -> Tip:
    """Return the tip that a stored chain, newest first, ends in. Raises CorruptCheckpoint."""
    stored = StoredState(links, keys)
    deltas = next(n for n, at in enumerate(reversed(stored.levels)) if at is not Level.DELTA)
    groups = stored.levels.count(Level.KEY)
    group = None
    if deltas:
        state = StoredState(links[deltas:], keys).encoded()
        group = Tip(key=links[deltas].key, state=state, groups=groups)
    return Tip(
        key=links[0].key, state=stored.encoded(), deltas=deltas, groups=groups, key_frame=group
    )


class StoredState:
    """A state read out of its chain, field by field as they are asked for."""

    def __init__(self, links: Sequence[Link], keys: Keyring | None = None) -> None:
        """Take a chain, newest first, which must end in a whole frame.

        Raises CorruptCheckpoint, PermanentStoreError when a key is not here.
        """
        self.levels: list[Level] = []
        self._names: list[Name] = []
        self._short: bytes | None = None
        self._fields: dict[Name, Content | None] = {}
        self._checks: dict[Name, bytes | None] = {}
        if not links:
            raise CorruptCheckpoint("its frame is gone")
        try:
            for link in reversed(links):
                frame = open_frame(link.data, checkpoint_id=link.checkpoint_id, keys=keys)
                self._take(frame)
            if sum(length_of(found) for found in self._fields.values() if found) > MAX_STATE:
                raise too_large()
            whole = self._check(links[0].checkpoint_id)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CorruptCheckpoint(f"its frame makes no sense: {error}") from error
        if whole != frame.whole:
            raise CorruptCheckpoint("the frames that it stands on are not those it was written for")

    @property
    def names(self) -> list[str] | None:
        """The names of the fields that can be read by themselves, None where none can."""
        if self._short is not None or self._names == [None]:
            return None
        return [name for name in self._names if name is not None]

    def field(self, name: Name) -> Any:
        """Decode one field. Raises CorruptCheckpoint, KeyError."""
        return decode(self._joined(name))

    def size_of(self, name: Name) -> int:
        """Return the bytes of one encoded field. Raises KeyError."""
        found = self._fields[name]
        return 0 if found is None else length_of(found)

    def encoded(self) -> EncodedState:
        """Return the encoded state, with its digest."""
        if self._short is not None:
            return short_state(self._short)
        return long_state({name: self._joined(name) for name in self._names})

    def decoded(self) -> dict[str, Any]:
        """Return the state. Raises CorruptCheckpoint."""
        if self._short is not None:
            state = decode(self._short)
        elif self._names == [None]:
            state = self.field(None)
        else:
            state = {name: self.field(name) for name in self._names}
        if type(state) is not dict:
            raise CorruptCheckpoint("it does not hold a mapping")
        return state

    def _take(self, frame: Frame) -> None:
        """Step from the state so far to the next frame's."""
        if (frame.level is Level.WHOLE) is not (not self.levels):
            raise CorruptCheckpoint("a frame that it stands on is missing")
        self.levels.append(frame.level)
        if frame.packed is not None:
            self._short = frame.short_state(self._short)
            return
        if self._short is not None:
            raise CorruptCheckpoint("a frame that it stands on is of another kind")
        if frame.names is not None:
            self._names = frame.names
            self._fields = {name: self._fields.get(name) for name in self._names}
            self._checks = {name: self._checks.get(name) for name in self._names}
        for place, check, *parts in frame.changes:
            name = self._names[place]
            self._fields[name] = content(parts, self._fields[name], frame)
            self._checks[name] = check

    def _joined(self, name: Name) -> bytes:
        found = self._fields[name]
        data = b"" if found is None else joined(found)
        if found is None or check_of(data) != self._checks[name]:
            raise CorruptCheckpoint(f"the field {name!r} is not what was saved")
        return data

    def _check(self, checkpoint_id: str) -> bytes:
        if self._short is not None:
            return check_of_short(checkpoint_id, self._short)
        return check_of_all(checkpoint_id, self._names, self._checks.values())
