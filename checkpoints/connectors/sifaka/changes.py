"""What a store of chains gained since a cursor.

Sifaka writes its one file anew with each save, so files say nothing of what is new. Checkpoints are
listed in the order of their times; the cursor keeps where that was, and a digest of all before it.
When another writer ran over them, or an older one came, the digest differs and the listing begins
anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

from checkpoints.connectors.documents import Saved
from checkpoints.connectors.documents.threads import Name, threads_of
from checkpoints.records import Changes, Finding, Thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a store was read, and what of it was told."""

    folder: str
    count: int = 0
    before: str = ""
    findings: str = ""

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A store as it is now."""

    folder: str
    saved: Sequence[Saved]
    findings: Sequence[Finding]
    now: datetime

    def changes(self, text: str | None, *, limit: int) -> Changes:
        """Return up to ``limit`` checkpoints that were saved after a cursor."""
        ordered = sorted(self.saved, key=_place)
        cursor = _parse(text)
        fits = cursor is not None and cursor == self._at(ordered, cursor.count, cursor.findings)
        start = cursor.count if cursor is not None and fits else 0
        page = ordered[start : start + limit]
        found = _digest(str(finding) for finding in self.findings)
        told = bool(fits and cursor and cursor.findings == found)
        return Changes(
            cursor=str(self._at(ordered, start + len(page), found)),
            checkpoints=tuple(item.record for item in page),
            threads=tuple(self._touched(page)),
            findings=() if told else tuple(self.findings),
            complete=start + len(page) == len(ordered),
            reset=text is not None and not fits,
            remaining=len(ordered) - start - len(page),
        )

    def _at(self, ordered: Sequence[Saved], count: int, findings: str) -> Cursor:
        before = _digest(f"{_place(item)} {item.record.sha256}" for item in ordered[:count])
        return Cursor(folder=self.folder, count=count, before=before, findings=findings)

    def _touched(self, page: Sequence[Saved]) -> list[Thread]:
        present: Mapping[Name, Thread] = threads_of(self.saved, self.now) if page else {}
        names = dict.fromkeys((item.record.agent_id, item.record.thread_id) for item in page)
        return [present[name] for name in names]


def _place(item: Saved) -> tuple[datetime, str, str]:
    return item.record.created_at, item.record.thread_id, item.record.id


def _digest(texts: Iterable[str]) -> str:
    hashed = sha256()
    for text in texts:
        hashed.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return hashed.hexdigest()[:32]


def _parse(text: str | None) -> Cursor | None:
    try:
        values = json.loads(text or "null")
        return Cursor(
            folder=str(values["folder"]),
            count=max(int(values["count"]), 0),
            before=str(values["before"]),
            findings=str(values["findings"]),
        )
    except (ValueError, TypeError, KeyError):
        return None
