"""Counting whether runs that resumed went on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checkpoints.identifiers import new_id
from checkpoints.manager.dashboard import Dashboard
from checkpoints.manager.journal import Journal
from checkpoints.manager.runs import described
from checkpoints.records import JournalEntry

RESUME = "resume"
RESUMED, SUCCEEDED, FAILED = "resumed", "succeeded", "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeStats:
    """How often a thread was resumed, and what became of it.

    ``succeeded`` runs saved again, ``failed`` ones could not load the head or ended before they
    saved; ``pending`` is the newest run when it has not saved yet.
    """

    attempts: int = 0
    succeeded: int = 0
    failed: int = 0
    pending: int = 0

    @classmethod
    def of(cls, entries: Sequence[JournalEntry]) -> ResumeStats:
        """Count over a thread's entries, oldest first."""
        outcomes = [entry.data["outcome"] for entry in entries]
        pending = int(bool(outcomes) and outcomes[-1] == RESUMED)
        succeeded = outcomes.count(SUCCEEDED)
        return cls(
            attempts=len(outcomes),
            succeeded=succeeded,
            failed=len(outcomes) - succeeded - pending,
            pending=pending,
        )


class Resumes:
    """Notes one manager's resumes and how they went."""

    def __init__(self, journal: Journal, run_id: str, dashboard: Dashboard) -> None:
        self._journal = journal
        self._run_id = run_id
        self._dashboard = dashboard
        self._pending: tuple[str, str] | None = None

    def resumed(self, checkpoint_id: str) -> None:
        """Note that the head was loaded; whether the run goes on is not known yet."""
        self._pending = new_id(), checkpoint_id
        self._write(*self._pending, RESUMED)

    def succeeded(self) -> None:
        """Note that the run saved again; only the first time says something."""
        if self._pending is not None:
            (key, checkpoint_id), self._pending = self._pending, None
            self._write(key, checkpoint_id, SUCCEEDED)

    def failed(self, checkpoint_id: str | None, error: BaseException) -> None:
        """Note that the head could not be resumed from."""
        self._write(new_id(), checkpoint_id, FAILED, ": ".join(described(error).values()))

    def stats(self) -> ResumeStats:
        """Count the thread's resumes."""
        return ResumeStats.of(self._journal.read(RESUME))

    def _write(
        self, key: str, checkpoint_id: str | None, outcome: str, error: str | None = None
    ) -> None:
        data = {"outcome": outcome, "run_id": self._run_id, "error": error}
        self._journal.write(RESUME, key, data, checkpoint_id=checkpoint_id)
        self._dashboard.resumed(key, checkpoint_id, outcome, error)
