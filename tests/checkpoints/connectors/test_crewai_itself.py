"""CrewAI itself goes on from what Holdfast restored and forked.

CrewAI pins much that Holdfast uses too, so it has a Python of its own: HOLDFAST_TEST_CREWAI names
it. ``python3 -m venv VENV && VENV/bin/pip install crewai==1.15.30 pysqlite3-binary`` makes one.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checkpoints.connectors.crewai import CrewAIFolderStore, CrewAISqliteStore
from checkpoints.plans import Edit

PYTHON = os.environ.get("HOLDFAST_TEST_CREWAI", "")
PROGRAM = Path(__file__).with_name("crewai_flow.py")
needs_crewai = pytest.mark.skipif(
    not PYTHON, reason="CrewAI is not here: name a Python that has it in HOLDFAST_TEST_CREWAI"
)
Store = CrewAIFolderStore | CrewAISqliteStore


def crewai(mode: str, location: Path) -> dict[str, Any]:
    """Run the flow in CrewAI's own Python and return what it printed last."""
    home = {"HOME": str(location.parent), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [PYTHON, str(PROGRAM), mode, str(location)],
        capture_output=True,
        check=False,
        cwd=location.parent,
        env=home,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def opened(location: Path) -> Store:
    is_file = location.suffix == ".db"
    return CrewAISqliteStore(location) if is_file else CrewAIFolderStore(location)


@pytest.fixture(params=["checkpoints.db", "checkpoints"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the flow has run from its beginning to its end."""
    place = tmp_path / str(request.param)
    assert crewai("run", place)["ran"] == ["gather", "draft", "polish"]
    return place


@needs_crewai
def test_crewai_goes_on_from_what_was_restored(location: Path) -> None:
    store = opened(location)
    first = store.history(None, "main")[-1]
    plan = store.plan_restore(first)
    assert plan.rerun_steps == ("draft", "polish")
    ids = store.choose_ids(plan)
    head = store.restore(
        plan, written_ids=ids, operation_id="op-1", reason="drift", now=datetime.now(UTC)
    )
    told = crewai("resume", location)
    assert head.checkpoint_id in told["from"]
    assert told["ran"] == ["draft", "polish"]
    assert told["log"] == ['gather "é"\n', 'draft "é"\n', 'polish "é"\n']
    after = opened(location).history(None, "main")
    assert after[0].parent_id in {record.id for record in after}
    assert head.checkpoint_id in {r.id for r in after if r.parent_id == first.id}
    assert list(opened(location).verify()) == []


@needs_crewai
def test_crewai_goes_on_in_a_fork_with_what_was_edited(location: Path) -> None:
    store = opened(location)
    first = store.history(None, "main")[-1]
    path = ("entities", 0, "checkpoint_state", "log", 0)
    edit = Edit(path=path, value="gathered by hand")
    plan = store.plan_fork(first, thread_id="fork/by-hand", edits=(edit,))
    ids = store.choose_fork_ids(plan)
    store.fork(plan, written_ids=ids, operation_id="op-1", reason="try", now=datetime.now(UTC))
    told = crewai("resume", location)
    assert told["ran"] == ["draft", "polish"]
    assert told["log"] == ["gathered by hand", 'draft "é"\n', 'polish "é"\n']
    again = opened(location)
    assert len(again.history(None, "fork/by-hand")) == 1 + len(told["ran"])
    assert len(again.history(None, "main")) == len(store.history(None, "main"))
    assert list(again.verify()) == []
