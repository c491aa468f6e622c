"""The real worker, with short times, that falls asleep in its first restore.

``python -m tests.faults.mortal_worker MARKER before|after`` writes the file MARKER and sleeps just
before or just after the store is changed; while MARKER is there, it does its work as ever.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

django.setup()

from checkpoints.connectors.kaizen.store import KaizenStore  # noqa: E402
from checkpoints.connectors.langgraph_sqlite.store import LangGraphSqliteStore  # noqa: E402
from checkpoints.stores.folder.store import FileStore  # noqa: E402
from checkpoints.stores.sqlite.store import SqliteStore  # noqa: E402
from dashboard import rounds  # noqa: E402
from dashboard.celery import app  # noqa: E402
from dashboard.services.drills import beginning, running  # noqa: E402
from dashboard.services.operations import claims, reconciling  # noqa: E402
from dashboard.supervisor.programs import worker_command  # noqa: E402

FOR_EVER_SECONDS = 3600


def falling_asleep(real: Callable[..., Any], marker: Path, when: str) -> Callable[..., Any]:
    def restore(*args: Any, **options: Any) -> Any:
        if marker.exists():
            return real(*args, **options)
        if when == "after":
            real(*args, **options)
        marker.touch()
        return time.sleep(FOR_EVER_SECONDS)

    return restore


def main(marker: Path, when: str) -> None:
    for kind in (SqliteStore, FileStore, LangGraphSqliteStore, KaizenStore):
        kind.restore = falling_asleep(kind.restore, marker, when)  # type: ignore[method-assign]
    claims.LEASE = timedelta(seconds=2)
    reconciling.HINT_LOST_AFTER = timedelta(seconds=1)
    running.LEASE = timedelta(seconds=5)
    beginning.HINT_LOST_AFTER = timedelta(seconds=1)
    rounds.RECONCILE_EVERY_SECONDS = 0.5
    command = worker_command()
    app.worker_main(list(command[command.index("worker") :]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
