"""An agent whose store the dashboard cannot open: it reports, also what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checkpoints import CheckpointManager
from checkpoints.reporting import Reporter
from tests.instances import Instance, push_token

FAR_AGENT = "far-crawler"
PAGES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """An effect: a mail that was sent."""

    agent_id: str
    thread_id: str
    name: str
    key: str
    recorded_at: datetime
    checkpoint_id: str | None


def report_from_afar(instance: Instance, folder: Path) -> None:
    """Save and report a run with effects, a failure and resumes."""
    reporter = Reporter(instance.url, push_token(instance), spool=folder / "spool")
    url = f"sqlite:///{folder}/far.db"
    begin = datetime.now(UTC) - timedelta(minutes=PAGES)
    clock = iter(begin + timedelta(minutes=n) for n in range(PAGES + 1)).__next__
    with CheckpointManager(FAR_AGENT, store=url, reporter=reporter, clock=clock) as manager:
        for page in range(PAGES):
            saved = manager.create_checkpoint(state={"page": page}, step_name="fetch")
            if page % 3 == 1:
                at = saved.created_at + timedelta(seconds=20)
                reporter.report_effect(_mail(page, saved.id, at), store_url=url)
        for run in range(8):
            outcome = "failed" if run == 3 else "succeeded"
            reporter.report_resume(FAR_AGENT, "main", f"run-{run}", saved.id, outcome)
        _fail(reporter, saved.id)


def _mail(page: int, checkpoint_id: str, at: datetime) -> Mail:
    return Mail(
        agent_id=FAR_AGENT,
        thread_id="main",
        name="mail to the customer",
        key=f"invoice-{page}",
        recorded_at=at,
        checkpoint_id=checkpoint_id,
    )


def _fail(reporter: Reporter, checkpoint_id: str) -> None:
    try:
        raise TimeoutError("https://example.com/prices did not answer within 30 s")
    except TimeoutError as error:
        reporter.report_failure(
            FAR_AGENT, "main", error, checkpoint_id=checkpoint_id, step=PAGES, step_name="fetch"
        )
