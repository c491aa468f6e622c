"""What happened that people may want to be told of, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

LOW, MEDIUM, HIGH = SEVERITIES = ("low", "medium", "high")
LONGEST_KEY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to one subject, which ``key`` names: ``drift-12``.

    ``kind`` says what: ``drift.opened``, ``drift.grew``, ``drift.resolved``, ``objective.missed``,
    ``drill.failed``, ``source.failed``, ``operation.failed``. ``path`` is the page about it on
    this dashboard, from the first slash on; ``at`` is since when it is so. ``title`` and ``text``
    leave the house: they must hold nothing out of a state. Raises ValueError for another severity,
    for a path that leads elsewhere and for a key that is too long to be kept.
    """

    kind: str
    key: str
    project_pk: int
    agent_pk: int | None
    severity: str
    title: str
    text: str
    path: str
    at: datetime

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {', '.join(SEVERITIES)}: {self.severity!r}")
        if not self.path.startswith("/") or self.path.startswith("//"):
            raise ValueError(f"path must be a page of this dashboard: {self.path!r}")
        if not 0 < len(self.key) <= LONGEST_KEY:
            raise ValueError(f"key must have 1 to {LONGEST_KEY} characters: {self.key!r}")
