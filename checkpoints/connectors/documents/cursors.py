"""How far a folder was read: where, until when, and what was there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from checkpoints.connectors.documents.folder import Entry

GRAIN_NS = 50_000_000
"""Files that changed within this time of the newest are named: the clock of a disk is coarse."""

MOST_NAMED = 1_000
"""So many files are kept by name, so that those that go can be told one by one."""

Seen = Mapping[str, tuple[tuple[str, str, str], ...]]
"""By a file's place the agent, thread and id of each checkpoint in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a folder was read.

    ``recent`` maps a file's place to its change time. ``places`` is a digest of all places that
    were read; ``seen`` says what was in them, ``None`` when they are too many.
    """

    folder: str
    changed_ns: int = 0
    recent: Mapping[str, int] = field(default_factory=dict)
    places: str = ""
    seen: Seen | None = field(default_factory=dict)

    def __str__(self) -> str:
        values: dict[str, Any] = {
            "folder": self.folder,
            "changed_ns": self.changed_ns,
            "recent": dict(self.recent),
            "places": self.places,
            "seen": None if self.seen is None else _packed(self.seen),
        }
        return json.dumps(values, separators=(",", ":"), ensure_ascii=False)

    def is_new(self, entry: Entry) -> bool:
        """Say whether a file was written after this cursor."""
        changed_ns = entry.stamp.changed_ns
        if changed_ns <= self.changed_ns - GRAIN_NS:
            return False
        return self.recent.get(entry.place) != changed_ns


def parse_cursor(text: str | None) -> Cursor | None:
    """Read a cursor back; ``None`` when it is none of ours."""
    try:
        values = json.loads(text or "null")
        return Cursor(
            folder=str(values["folder"]),
            changed_ns=int(values["changed_ns"]),
            recent={str(place): int(changed) for place, changed in values["recent"].items()},
            places=str(values["places"]),
            seen=None if values["seen"] is None else _unpacked(values["seen"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        return None


def digest_of(places: Iterable[str]) -> str:
    """Return what changes when a place is added or goes."""
    return sha256("\0".join(sorted(places)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _packed(seen: Seen) -> dict[str, Any]:
    """Write each agent and thread once."""
    names: dict[tuple[str, str], int] = {}
    files = {
        place: [
            [names.setdefault((agent, thread), len(names)), name] for agent, thread, name in held
        ]
        for place, held in seen.items()
    }
    return {"names": [list(name) for name in names], "files": files}


def _unpacked(values: Mapping[str, Any]) -> Seen:
    names = [(str(agent), str(thread)) for agent, thread in values["names"]]
    return {
        str(place): tuple((*names[int(number)], str(name)) for number, name in held)
        for place, held in values["files"].items()
    }
