"""The real worker goes on, whatever lies in its queue."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dashboard.supervisor.programs import worker_command
from tests.benches import save_steps
from tests.faults.processes import Installation, wait_until


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path / "data")
    yield installation
    installation.kill_all()


def message(task: str, arguments: list[object]) -> bytes:
    """Return a message as Celery writes it, but with a body of our choice."""
    headers = {"lang": "py", "task": task, "id": "rubbish", "root_id": "rubbish"}
    properties = {
        "correlation_id": "rubbish",
        "delivery_info": {"exchange": "operations", "routing_key": "operations"},
        "body_encoding": "utf-8",
        "delivery_tag": f"{task}{arguments}",
    }
    return json.dumps(
        {
            "body": json.dumps([arguments, {}, {}]),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": headers,
            "properties": properties,
        }
    ).encode()


RUBBISH = [
    b"",
    b"{}",
    b"\x80\x04pickle",
    message("operations.run", ["no uuid"]),
    message("operations.run", ["9d0e9a39-6f1a-4b52-8bf5-b9ce35c8b1a6"]),
    message("operations.run", [1, 2, 3]),
    message("os.system", ["true"]),
    message("operations.run", []).replace(b"application/json", b"application/x-python-serialize"),
    message("operations.run", []).replace(b"[[]", b"[[[["),
    message("operations.run", []).replace(b'"task"', b'"tusk"'),
]


def test_rubbish_in_the_queue_does_not_keep_the_worker_from_its_work(
    installation: Installation, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    ready = installation.data_dir / "broker" / "ready" / "operations"
    ready.mkdir(parents=True)
    for number, content in enumerate(RUBBISH):
        (ready / f"0-{number}").write_bytes(content)
    done = installation.run("-m", "tests.faults.operate", url, "main")
    assert done.returncode == 0, done.stderr

    installation.start(*worker_command()[1:])

    wait_until(
        lambda: state_of_the_operation(installation) == "succeeded",
        what="the operation behind the rubbish is carried out",
    )


def state_of_the_operation(installation: Installation) -> str:
    with closing(sqlite3.connect(installation.data_dir / "dashboard.db")) as database:
        (state,) = database.execute("SELECT state FROM dashboard_operation").fetchone()
    return str(state)
