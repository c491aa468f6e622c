"""What a folder gained and lost since a cursor.

A file's change time grows with each writing and cannot be set back, but its clock is coarse: files
that changed within its grain of the newest are named in the cursor, so that none of them is missed
or listed twice. What went is told one by one; in a folder of very many files the listing begins
anew instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, groupby

from checkpoints.connectors.documents.catalog import Catalog, Saved
from checkpoints.connectors.documents.cursors import (
    GRAIN_NS,
    MOST_NAMED,
    Cursor,
    Seen,
    digest_of,
    parse_cursor,
)
from checkpoints.connectors.documents.folder import Entry
from checkpoints.connectors.documents.threads import Name
from checkpoints.records import Changes, Checkpoint, Removal, Thread

GONE = "its file is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """Lists what a folder gained and lost. ``threads`` gives each thread as it stands now."""

    catalog: Catalog
    threads: Callable[[], Mapping[Name, Thread]]
    now: datetime

    def changes(self, text: str | None, *, limit: int) -> Changes:
        """Return what up to ``limit`` files hold that were written after a cursor."""
        entries = list(self.catalog.entries())
        cursor, reset = self._fitting(text, entries)
        removals = tuple(self._removals(cursor, entries))
        waiting = list(self._in_order([entry for entry in entries if cursor.is_new(entry)]))
        page = waiting[:limit]
        contents = [self.catalog.content(entry) for entry in page]
        records = self._listed([saved for content in contents for saved in content.saved])
        touched = _names(records, removals)
        present = self.threads() if touched else {}
        return Changes(
            cursor=str(self._advanced(cursor, entries, page)),
            checkpoints=records,
            threads=tuple(present.get(name) or _empty(name) for name in touched),
            removals=removals,
            findings=tuple(chain.from_iterable(content.findings for content in contents)),
            complete=len(waiting) <= limit,
            reset=reset,
            remaining=max(len(waiting) - limit, 0),
        )

    def _fitting(self, text: str | None, entries: Sequence[Entry]) -> tuple[Cursor, bool]:
        """Return where to go on, and whether the listing begins anew."""
        identity = self.catalog.folder.identity
        cursor = parse_cursor(text)
        fits = cursor is not None and cursor.folder == identity
        if cursor is None or not fits or (cursor.seen is None and _has_lost(cursor, entries)):
            return Cursor(folder=identity, places=digest_of(())), text is not None
        return cursor, False

    def _removals(self, cursor: Cursor, entries: Sequence[Entry]) -> Iterator[Removal]:
        if not cursor.seen or not (_has_lost(cursor, entries)):
            return
        present = {entry.place: entry for entry in entries}
        for place, held in cursor.seen.items():
            for agent_id, thread_id, checkpoint_id in held:
                if self._is_gone(checkpoint_id, present.get(place)):
                    yield Removal(
                        agent_id=agent_id,
                        thread_id=thread_id,
                        checkpoint_id=checkpoint_id,
                        reason=GONE,
                        removed_at=self.now,
                    )

    def _is_gone(self, checkpoint_id: str, entry: Entry | None) -> bool:
        """Say whether a checkpoint went, and not only became unreadable."""
        if entry is None:
            return True
        content = self.catalog.content(entry)
        return content.is_whole and all(s.record.id != checkpoint_id for s in content.saved)

    def _in_order(self, waiting: Sequence[Entry]) -> Iterator[Entry]:
        """Yield files as they were written; of one moment's, by the times that they name."""
        ordered = sorted(waiting, key=lambda entry: (entry.stamp.changed_ns, entry.place))
        for _, group in groupby(ordered, key=lambda entry: entry.stamp.changed_ns):
            of_moment = list(group)
            yield from sorted(of_moment, key=self._named_time) if len(of_moment) > 1 else of_moment

    def _named_time(self, entry: Entry) -> tuple[str, str]:
        times = [saved.record.created_at for saved in self.catalog.content(entry).saved]
        return min(times).isoformat() if times else "", entry.place

    def _listed(self, found: list[Saved]) -> tuple[Checkpoint, ...]:
        """Return the records of what was found, oldest first, without files that are hidden."""
        own = {(saved.entry, saved.part) for saved in found}
        shown = (s.record for s in self.catalog.saved() if (s.entry, s.part) in own) if own else ()
        return tuple(sorted(shown, key=lambda record: (record.created_at, record.id)))

    def _advanced(self, cursor: Cursor, entries: Sequence[Entry], page: list[Entry]) -> Cursor:
        newest = max([cursor.changed_ns, *(entry.stamp.changed_ns for entry in page)])
        changed = {**cursor.recent, **{entry.place: entry.stamp.changed_ns for entry in page}}
        recent = {place: at for place, at in changed.items() if at > newest - GRAIN_NS}
        moved = replace(cursor, changed_ns=newest, recent=recent)
        settled = [entry for entry in entries if not moved.is_new(entry)]
        return replace(
            moved,
            places=digest_of(entry.place for entry in settled),
            seen=self._seen(cursor, settled, page),
        )

    def _seen(self, cursor: Cursor, settled: list[Entry], page: list[Entry]) -> Seen | None:
        if cursor.seen is None or len(settled) > MOST_NAMED:
            return None
        read = {entry.place: self._names(entry, cursor.seen) for entry in page}
        known = {**cursor.seen, **read}
        return {entry.place: known[entry.place] for entry in settled if entry.place in known}

    def _names(self, entry: Entry, before: Seen) -> tuple[tuple[str, str, str], ...]:
        content = self.catalog.content(entry)
        names = tuple((s.record.agent_id, s.record.thread_id, s.record.id) for s in content.saved)
        return names if content.is_whole else tuple({*before.get(entry.place, ()), *names})


def _names(records: Sequence[Checkpoint], removals: Sequence[Removal]) -> list[Name]:
    both: chain[Checkpoint | Removal] = chain(records, removals)
    return list(dict.fromkeys((item.agent_id, item.thread_id) for item in both))


def _has_lost(cursor: Cursor, entries: Sequence[Entry]) -> bool:
    settled = (entry.place for entry in entries if not cursor.is_new(entry))
    return digest_of(settled) != cursor.places


def _empty(name: Name) -> Thread:
    agent_id, thread_id = name
    return Thread(
        agent_id=agent_id, thread_id=thread_id, head_id=None, checkpoints=0, updated_at=None
    )
