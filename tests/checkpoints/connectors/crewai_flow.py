"""A flow of CrewAI's, run by the Python that has CrewAI, as a program of its own.

``crewai_flow.py run LOCATION`` runs it from the beginning with a checkpoint after each method.
``crewai_flow.py resume LOCATION`` goes on from what ``crewai checkpoint resume`` would take.
Both print as JSON which methods ran, from which checkpoint, and the state at the end.
"""

# mypy: ignore-errors

from __future__ import annotations

import json
import os
import sqlite3  # noqa: F401
import sys
import time
from contextlib import closing
from pathlib import Path

os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true"}
os.environ["CREWAI_TRACING_ENABLED"] = "false"
try:  # an SQLite that knows JSONB, where Python's own does not
    import pysqlite3

    sys.modules["sqlite3"] = pysqlite3
except ImportError:
    pass

from crewai.flow.flow import Flow, listen, start
from crewai.state.checkpoint_config import CheckpointConfig
from crewai.state.provider.sqlite_provider import SqliteProvider
from crewai_cli.checkpoint_cli import _resolve_checkpoint
from pydantic import BaseModel

RAN: list[str] = []
_PATIENCE = 120.0
_MOMENT = 0.02


class Notes(BaseModel):
    topic: str = ""
    log: list[str] = []


class Research(Flow[Notes]):
    @start()
    def gather(self) -> str:
        return self.did("gather")

    @listen(gather)
    def draft(self, _: str) -> str:
        return self.did("draft")

    @listen(draft)
    def polish(self, _: str) -> str:
        return self.did("polish")

    def did(self, what: str) -> str:
        wait_for_saves(self.checkpoint.location)
        RAN.append(what)
        self.state.log.append(f'{what} "é"\n')
        return what


def wait_for_saves(location: str) -> None:
    """CrewAI saves in threads of its own: wait until each method that ran has been saved."""
    deadline = time.monotonic() + _PATIENCE
    while saved(location) < SAVED_BEFORE + len(RAN):
        if time.monotonic() > deadline:
            raise TimeoutError("CrewAI did not save")
        time.sleep(_MOMENT)


def saved(location: str) -> int:
    if not location.endswith(".db"):
        return len(list(Path(location).rglob("*.json")))
    if not Path(location).exists():
        return 0
    with closing(sys.modules["sqlite3"].connect(location)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM checkpoints").fetchone()[0]
        except sys.modules["sqlite3"].OperationalError:
            return 0


def config(location: str, restore_from: str | None = None) -> CheckpointConfig:
    provider = {"provider": SqliteProvider()} if location.endswith(".db") else {}
    events = ["method_execution_finished"]
    return CheckpointConfig(
        location=location, on_events=events, restore_from=restore_from, **provider
    )


def newest(location: str) -> str:
    found = _resolve_checkpoint(location, None)
    return f"{found['db']}#{found['name']}" if "db" in found else found["path"]


def main(mode: str, location: str) -> None:
    origin = newest(location) if mode == "resume" else None
    flow = Research.from_checkpoint(config(location, origin)) if origin else Research()
    flow.checkpoint = config(location)
    flow.kickoff(inputs={"topic": "refunds"})
    wait_for_saves(location)
    print(json.dumps({"ran": RAN, "from": origin, "log": flow.state.log}))


SAVED_BEFORE = saved(sys.argv[2])
main(*sys.argv[1:])
