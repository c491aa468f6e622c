"""The files that Logbook writes, and copies of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from checkpoints import Checkpoint, Edit, PlanRefused
from checkpoints.connectors.documents import (
    Copy,
    Entry,
    FileContent,
    Saved,
    Unreadable,
    WritableLayout,
    decode_for_rewriting,
    decode_object,
    digest,
)
from checkpoints.connectors.documents.encoding import encode
from checkpoints.connectors.documents.values import (
    map_of,
    modified_at,
    numbers_of,
    text_of,
    time_of,
    utc_of,
)
from checkpoints.stores.edits import edited

SUFFIX = ".json"
NEWEST_FORM = 1


class LogbookLayout(WritableLayout):
    """One file for each checkpoint; a book is an agent, its chapters are threads."""

    framework = "Logbook"

    def is_checkpoint(self, name: str) -> bool:
        """Say whether a file of this name holds a checkpoint."""
        return name.endswith(SUFFIX) and name != SUFFIX

    def id_of(self, entry: Entry) -> str | None:
        """Return the id that a file's name says."""
        return entry.name.removesuffix(SUFFIX)

    def read(self, entry: Entry, content: bytes) -> FileContent:
        """Return what a file holds. Raises Unreadable for what is no page of Logbook's."""
        page = decode_object(content).value
        book, chapter = text_of(page.get("book")), text_of(page.get("chapter"))
        if book is None or chapter is None:
            raise Unreadable("undecodable", "it names no book or chapter: no loop goes on from it")
        record = Checkpoint(
            id=entry.name.removesuffix(SUFFIX),
            agent_id=book,
            thread_id=chapter,
            step=page["number"] if type(page.get("number")) is int else 0,
            created_at=utc_of(time_of(page.get("noted_at"))) or modified_at(entry),
            size=len(content),
            stored_size=len(content),
            sha256=digest(content),
            metrics=numbers_of(map_of(page.get("memory"))),
            metadata={**map_of(page.get("notes")), "file": entry.place},
        )
        return FileContent(saved=(Saved(record=record, entry=entry),))

    def state(self, saved: Saved, part: bytes) -> dict[str, Any]:
        """Return what the loop knew. Raises Unreadable."""
        return dict(map_of(decode_object(part).value.get("memory")))

    def linked(self, saved: list[Saved]) -> list[Saved]:
        """Return the pages, each as the one after the page before it in its chapter."""
        chapters: dict[tuple[str, str], list[Saved]] = defaultdict(list)
        for page in sorted(saved, key=lambda one: one.record.created_at):
            chapters[page.record.agent_id, page.record.thread_id].append(page)
        return [
            page.with_parent(before.record.id if before else None)
            for pages in chapters.values()
            for before, page in zip([None, *pages], pages, strict=False)
        ]

    def edited(self, part: bytes, edits: Sequence[Edit]) -> None:
        """Raise PlanRefused for edits that a copy could not take."""
        encode(_changed(part, edits), indent=None)

    def copied(self, part: bytes, copy: Copy) -> bytes:
        """Return a copy that Logbook takes for the newest page of a chapter."""
        page = _changed(part, copy.edits)
        own = {
            "book": copy.agent_id,
            "chapter": copy.thread_id,
            "noted_at": copy.created_at.isoformat(),
            "notes": copy.mark(map_of(page.get("notes"))),
        }
        return encode({**page, **own}, indent=None)

    def file_name(self, written_id: str) -> str:
        """Return the name of a checkpoint's file. Raises PlanRefused."""
        if "/" in written_id or not written_id.isprintable():
            raise PlanRefused(f"{written_id!r} cannot name a page; nothing was written")
        return f"{written_id}{SUFFIX}"


def _changed(part: bytes, edits: Sequence[Edit]) -> dict[str, Any]:
    page = decode_for_rewriting(part)
    if page.get("form") != f"logbook/{NEWEST_FORM}":
        raise PlanRefused(
            f"the page has the form {page.get('form')!r}, newer than this connector knows; nothing "
            "was written"
        )
    return {**page, "memory": edited(dict(map_of(page.get("memory"))), edits)}
