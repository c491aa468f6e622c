"""What a folder gained since a cursor.

A file's change time grows with each writing and cannot be set back, but its clock is coarse: files
that changed within its grain of the newest are named in the cursor, so that none of them is missed
or listed twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import chain

from checkpoints.connectors.documents.folder import Entry
from checkpoints.connectors.kaizen.catalog import Catalog
from checkpoints.connectors.kaizen.names import is_leftover, parse_name
from checkpoints.connectors.kaizen.states import Saved
from checkpoints.records import Changes, Checkpoint, Thread

_GRAIN_NS = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a folder was read: ``recent`` maps a file's place to its change time."""

    folder: str
    changed_ns: int
    recent: Mapping[str, int]

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    def is_new(self, entry: Entry) -> bool:
        """Say whether a file was written after this cursor."""
        changed_ns = entry.stamp.changed_ns
        if changed_ns <= self.changed_ns - _GRAIN_NS:
            return False
        return self.recent.get(entry.place) != changed_ns


def parse_cursor(text: str | None) -> Cursor | None:
    """Read a cursor back; ``None`` when it is none of ours."""
    try:
        values = json.loads(text or "null")
        recent = {str(place): int(changed) for place, changed in values["recent"].items()}
        changed_ns = int(values["changed_ns"])
        return Cursor(folder=values["folder"], changed_ns=changed_ns, recent=recent)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def changes(
    catalog: Catalog, text: str | None, *, limit: int, threads: Callable[[], Mapping[str, Thread]]
) -> Changes:
    """Return what up to ``limit`` files hold that were written after a cursor."""
    identity = catalog.folder.identity
    cursor = parse_cursor(text)
    reset = text is not None and (cursor is None or cursor.folder != identity)
    if cursor is None or reset:
        cursor = Cursor(folder=identity, changed_ns=0, recent={})
    ordered = sorted(
        catalog.folder.entries(), key=lambda entry: (entry.stamp.changed_ns, entry.place)
    )
    waiting = [entry for entry in ordered if _is_ours(entry) and cursor.is_new(entry)]
    page = waiting[:limit]
    contents = [catalog.content(entry) for entry in page]
    records = _listed(catalog, [saved for content in contents for saved in content.saved])
    touched = dict.fromkeys(record.agent_id for record in records)
    present = threads() if touched else {}
    return Changes(
        cursor=str(_advanced(cursor, page)),
        checkpoints=records,
        threads=tuple(present[agent] for agent in touched),
        findings=tuple(chain.from_iterable(content.findings for content in contents)),
        complete=len(waiting) <= limit,
        reset=reset,
    )


def _listed(catalog: Catalog, found: list[Saved]) -> tuple[Checkpoint, ...]:
    """Return the records of what was found, oldest first, without files that another one hides."""
    shown = {(saved.entry, saved.line) for saved in catalog.saved()} if found else set()
    records = (saved.record for saved in found if (saved.entry, saved.line) in shown)
    return tuple(sorted(records, key=lambda record: record.created_at))


def _is_ours(entry: Entry) -> bool:
    return parse_name(entry.name) is not None or is_leftover(entry.name)


def _advanced(cursor: Cursor, page: list[Entry]) -> Cursor:
    newest = max([cursor.changed_ns, *(entry.stamp.changed_ns for entry in page)])
    read = {**cursor.recent, **{entry.place: entry.stamp.changed_ns for entry in page}}
    recent = {place: changed for place, changed in read.items() if changed > newest - _GRAIN_NS}
    return Cursor(folder=cursor.folder, changed_ns=newest, recent=recent)
