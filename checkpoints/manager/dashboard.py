"""What one thread tells a dashboard and hears from it; nothing where none is set."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from checkpoints.records import Checkpoint, Directive, Effect, Head, Strategy

if TYPE_CHECKING:
    from checkpoints.reporting import Reporter
    from checkpoints.reporting.inbox import IncomingDirective

APPLIED, FAILED = "applied", "failed"


class Dashboard:
    """A reporter that knows whose thread it reports."""

    def __init__(
        self,
        reporter: Reporter | None,
        *,
        store_url: str,
        agent_id: str,
        thread_id: str,
        run_id: str,
    ) -> None:
        self._reporter = reporter
        self._store_url = store_url
        self._thread = agent_id, thread_id
        self._run_id = run_id
        if reporter is not None:
            reporter.introduce(store_url, agent_id, thread_id)

    def saved(self, record: Checkpoint, head: Head | None) -> None:
        """Tell of a checkpoint and of where the head is."""
        if self._reporter is not None:
            self._reporter.report(self._store_url, record, head)

    def failed(self, error: BaseException, record: Checkpoint) -> None:
        """Tell of an error that ended a run, and of the checkpoint that was saved for it."""
        if self._reporter is not None:
            self._reporter.report_failure(
                *self._thread,
                error,
                checkpoint_id=record.id,
                run_id=self._run_id,
                step=record.step,
                step_name=record.step_name,
                store_url=self._store_url,
            )

    def done(self, effect: Effect) -> None:
        """Tell of what was done outside."""
        if self._reporter is not None:
            self._reporter.report_effect(effect, store_url=self._store_url)

    def resumed(
        self, attempt: str, checkpoint_id: str | None, outcome: str, error: str | None = None
    ) -> None:
        """Tell of a resume, and later how it went."""
        if self._reporter is not None:
            self._reporter.report_resume(
                *self._thread,
                self._run_id,
                checkpoint_id,
                outcome,
                error=error,
                attempt=attempt,
                store_url=self._store_url,
            )

    def waiting(self, *, ask: bool = False) -> list[IncomingDirective]:
        """Return the directives that came, oldest first; ``ask`` for them, a second at most."""
        if self._reporter is None:
            return []
        if ask:
            return self._reporter.fetch_directives(*self._thread, store_url=self._store_url)
        return self._reporter.directives(*self._thread, store_url=self._store_url)

    def acknowledge(self, given: IncomingDirective, outcome: str, detail: str = "") -> None:
        """Tell what became of a directive."""
        if self._reporter is not None:
            self._reporter.acknowledge(given.id, outcome, detail)

    def close(self) -> None:
        """Send what waits, for a moment; the rest is sent later."""
        if self._reporter is not None:
            self._reporter.close()


def is_restore(directive: Directive) -> bool:
    """Say whether a directive wants another head; the others are for the agent to obey."""
    return directive.strategy is Strategy.RESTORE_CHECKPOINT


def reporter_from_environment() -> Reporter | None:
    """Return the reporter that the environment asks for; without one nothing is imported."""
    if "HOLDFAST_DASHBOARD_URL" not in os.environ:
        return None
    from checkpoints.reporting import Reporter

    return Reporter.from_environment()
