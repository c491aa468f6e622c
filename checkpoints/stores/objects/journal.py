"""The journal of a store in a bucket: an object for each entry, listed in the order of their keys.

Nothing ties objects to each other, so several entries are kept all or none only as far as a
failure can be undone: those that are new are deleted again, those that were replaced stay so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Iterator, Sequence

from checkpoints.errors import CheckpointError, CorruptCheckpoint
from checkpoints.records import Finding, JournalEntry, JournalName
from checkpoints.stores.entry_bytes import (
    EntryName,
    PackedEntry,
    damage_of,
    pack_entries,
    unpack_entry,
)
from checkpoints.stores.framing import Framing
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bucket import Bucket
from checkpoints.stores.objects.bytes import EntryObject, pack_entry_object, unpack_entry_object
from checkpoints.stores.objects.keys import ThreadName

_BEFORE = dict(zip("0123456789abcdefk", "-0123456789abcdej", strict=True))
_BATCH = 64


class ObjectJournal(ABC):
    """Keeps entries, each under its four names."""

    _bucket: Bucket
    _framing: Framing

    @abstractmethod
    def _begin(self) -> None:
        """Before the first write: begin the store."""

    @abstractmethod
    def _check(self) -> str | None:
        """Before a read: see that what lies there is a store. Return its id, None if none is."""

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        """Keep journal entries durably; return how many of them are new.

        Where it is cut short the new ones are deleted again, so that none are kept; where even
        that fails, recording the same again is safe.
        """
        packed = pack_entries(entries, self._framing.keys)
        ordered = packed if replace else packed[::-1]
        chosen = list({entry.name: entry for entry in ordered}.values())
        if not chosen:
            return 0
        self._begin()
        return _recorded(self._bucket, chosen, replace=replace)

    def entries(
        self,
        agent_id: str,
        thread_id: str,
        *,
        kind: str,
        prefix: str = "",
        limit: int | None = None,
    ) -> list[JournalEntry]:
        """Return a thread's entries of one kind in the order of their keys."""
        if self._check() is None or limit == 0:
            return []
        start = object_keys.entries_of(object_keys.thread_name(agent_id, thread_id), kind)
        keys = _keys(self._bucket, start, prefix)
        if limit is not None and object_keys.is_spelled(prefix):
            keys = _last(keys, limit)
        read = self._bucket.at_once(lambda key: _read(self._bucket, key), keys)
        found = sorted(
            (one for one in read if one is not None and one.key.startswith(prefix)),
            key=lambda one: one.key.encode(),
        )
        last = found if limit is None else found[-limit:]
        return [unpack_entry(one.name, one.body, self._framing.keys) for one in last]

    def forget(self, agent_id: str, thread_id: str, *, kind: str, keys: Sequence[str]) -> int:
        """Delete journal entries for good; return how many there were."""
        if self._check() is None:
            return 0
        names = [EntryName(agent_id, thread_id, kind, key) for key in dict.fromkeys(keys)]
        found = [object_keys.entry_key(name) for name in names]
        contents = self._bucket.contents(found)
        there = [key for key, data in zip(found, contents, strict=True) if data is not None]
        self._bucket.delete(there)
        return len(there)

    def journals(
        self, agent_id: str | None = None, thread_id: str | None = None
    ) -> list[JournalName]:
        """Return which kinds of entries there are, of which threads."""
        if self._check() is None:
            return []
        kinds = _kinds(self._bucket, agent_id, thread_id)
        found = self._bucket.at_once(lambda kind: _first(self._bucket, kind), kinds)
        names = sorted(one.name[:3] for one in found if one is not None)
        return [JournalName(agent_id=a, thread_id=t, kind=kind) for a, t, kind in names]


def _recorded(bucket: Bucket, entries: Sequence[PackedEntry], *, replace: bool) -> int:
    """Write entries at once; return how many are new."""
    created: list[str] = []

    def write(entry: PackedEntry) -> None:
        key = object_keys.entry_key(entry.name)
        nonce = object_keys.new_nonce()
        data = pack_entry_object(
            key, EntryObject(*entry.name, entry.checkpoint_id, entry.body, nonce)
        )
        if bucket.create(key, data) is not None or _is_ours(bucket, key, nonce):
            created.append(key)
        elif replace:
            bucket.put(key, data)

    try:
        bucket.at_once(write, entries)
    except CheckpointError:
        bucket.delete(created)
        raise
    return len(created)


def _is_ours(bucket: Bucket, key: str, nonce: str) -> bool:
    """Say whether the entry that is there is this one: its first answer may have been lost."""
    try:
        found = _read(bucket, key)
    except CorruptCheckpoint:
        return False
    return found is not None and found.nonce == nonce


def _read(bucket: Bucket, key: str) -> EntryObject | None:
    data = bucket.data(key)
    return None if data is None else unpack_entry_object(key, data)


def _keys(bucket: Bucket, start: str, prefix: str) -> list[str]:
    """Return the keys of the objects whose entries' keys may begin with a prefix, in order."""
    first = f"{start}{object_keys.spelled(prefix)}"
    found: list[str] = []
    for at in bucket.listed(start, after=_just_before(first)):
        if at.key.startswith(first):
            found.append(at.key)
        elif at.key > first:
            break
    return sorted(found)


def _just_before(key: str) -> str:
    """Return what comes before a key and all that begin with it, and behind all smaller ones."""
    return f"{key[:-1]}{_BEFORE[key[-1]]}z"


def _last(keys: list[str], limit: int) -> list[str]:
    """Return the last keys, and those before them that are spelled as the first of these."""
    start = max(0, len(keys) - limit)
    while 0 < start < len(keys) and _are_alike(keys[start - 1], keys[start]):
        start -= 1
    return keys[start:]


def _are_alike(one: str, other: str) -> bool:
    return object_keys.spelling_of(one) == object_keys.spelling_of(other)


def _kinds(bucket: Bucket, agent_id: str | None, thread_id: str | None) -> list[str]:
    """Return what the keys of each kind of entries begin with."""
    level = [object_keys.ENTRIES]
    for name in (thread_id, agent_id, None):
        if name is not None:
            level = [f"{above}{object_keys.hashed(name)}/" for above in level]
        else:
            level = [one for found in bucket.at_once(bucket.folders, level) for one in found]
    return level


def _first(bucket: Bucket, start: str) -> EntryObject | None:
    """Return an entry whose object's key begins so, that can be read."""
    for at in bucket.listed(start):
        try:
            found = _read(bucket, at.key)
        except CorruptCheckpoint:
            continue
        if found is not None:
            return found
    return None


def drop_naming(bucket: Bucket, thread: ThreadName, ids: Container[str]) -> None:
    """Delete a thread's entries that name one of these checkpoints."""
    found = _all(bucket, object_keys.entries_of(thread))
    bucket.delete([key for key, one, _ in found if one is not None and one.checkpoint_id in ids])


def verify(bucket: Bucket) -> Iterator[Finding]:
    """Check every entry by its checksums."""
    for _, entry, why in _all(bucket, object_keys.ENTRIES):
        if why is not None:
            yield _finding(entry, why)


def quarantine(bucket: Bucket) -> list[Finding]:
    """Move each entry that cannot be read into quarantine and tell of it."""
    moved = []
    for key, entry, why in list(_all(bucket, object_keys.ENTRIES)):
        data = bucket.data(key) if why is not None else None
        if data is not None:
            bucket.put(f"{object_keys.QUARANTINE}{key}", data)
            bucket.delete([key])
            message = f"{why}; its bytes are kept in quarantine"
            moved.append(_finding(entry, message, kind="quarantined"))
    return moved


def _all(bucket: Bucket, start: str) -> Iterator[tuple[str, EntryObject | None, str | None]]:
    """Yield the key of every entry's object, what it holds, and why that cannot be read."""
    keys = [at.key for at in bucket.listed(start)]
    for first in range(0, len(keys), _BATCH):
        batch = keys[first : first + _BATCH]
        for key, data in zip(batch, bucket.contents(batch), strict=True):
            if data is None:
                continue
            try:
                entry = unpack_entry_object(key, data)
            except CorruptCheckpoint as error:
                yield key, None, str(error)
            else:
                yield key, entry, damage_of(entry.name, entry.checkpoint_id, entry.body)


def _finding(entry: EntryObject | None, why: str, *, kind: str = "corrupt_entry") -> Finding:
    return Finding(kind=kind, message=why, thread_id=entry.thread_id if entry else None)
