"""Logbook, the framework of this example: a loop that notes what it knows after each round.

Each round is one file; a loop goes on from the newest page of its book's chapter.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FORM = "logbook/1"


def save(folder: Path, book: str, chapter: str, memory: dict[str, Any]) -> str:
    """Note what a loop knows; return the name of the page."""
    page = latest(folder, book, chapter)
    number = page["number"] + 1 if page else 1
    name = f"{book} {chapter} {number:04}"
    text = {
        "form": FORM,
        "book": book,
        "chapter": chapter,
        "number": number,
        "noted_at": datetime.now(UTC).isoformat(),
        "memory": memory,
        "notes": {},
    }
    (folder / f"{name}.json").write_text(json.dumps(text))
    return name


def latest(folder: Path, book: str, chapter: str) -> dict[str, Any] | None:
    """Return the page that a loop goes on from: the newest of its chapter."""
    pages = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    own = [page for page in pages if (page["book"], page["chapter"]) == (book, chapter)]
    return max(own, key=lambda page: page["noted_at"], default=None)
