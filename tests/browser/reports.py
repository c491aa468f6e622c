"""An agent whose store the dashboard cannot open: it reports, also what went wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from checkpoints import CheckpointManager
from checkpoints.reporting import Reporter
from tests.histories import Clock
from tests.instances import Instance, push_token

FAR_AGENT = "far-crawler"
PAGES = 12


def report_from_afar(instance: Instance, folder: Path) -> None:
    """Save and report a run with effects, resumes and a failure."""
    reporter = Reporter(instance.url, push_token(instance), spool=folder / "spool")
    url = f"sqlite:///{folder}/far.db"
    clock = Clock(datetime.now(UTC) - timedelta(minutes=PAGES))
    with CheckpointManager(FAR_AGENT, store=url, reporter=reporter, clock=clock) as manager:
        for page in range(PAGES):
            saved = manager.create_checkpoint(state={"page": page}, step_name="fetch")
            clock.forward(20)
            if page % 3 == 1:
                manager.record_effect("mail to the customer", f"invoice-{page}")
            clock.forward(40)
        for run in range(8):
            outcome = "failed" if run == 3 else "succeeded"
            reporter.report_resume(FAR_AGENT, "main", f"run-{run}", saved.id, outcome)
        _fail(reporter, saved.id)


def _fail(reporter: Reporter, checkpoint_id: str) -> None:
    try:
        raise TimeoutError("https://example.com/prices did not answer within 30 s")
    except TimeoutError as error:
        reporter.report_failure(
            FAR_AGENT, "main", error, checkpoint_id=checkpoint_id, step=PAGES, step_name="fetch"
        )
