"""``holdfast`` on stores that other frameworks write, which then resume from the result."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kaizen.core.autonomy.state import FilesystemStorage, StateManager

from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from tests.checkpoints.connectors import graphs

ROOT = Path(__file__).resolve().parents[3]
MAIN = "from checkpoints.cli import main; main()"


def holdfast(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", MAIN, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def answer(*arguments: str) -> Any:
    done = holdfast(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def langgraph(tmp_path: Path) -> Path:
    path = tmp_path / "own.sqlite"
    with graphs.saver(path) as saver:
        graphs.counter(saver, graphs.Delta).invoke({"n": 0, "log": []}, graphs.config("t"))
    return path


@pytest.fixture
def kaizen(samples: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "flat"
    shutil.copytree(samples / "kaizen" / "flat", folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    return folder


def test_langgraph_goes_on_from_what_holdfast_restored(langgraph: Path) -> None:
    url = f"langgraph+sqlite:///{langgraph}"
    target = next(r for r in answer("list", url, "--thread", "t") if r["step"] == 3)
    options = ("--thread", "t", "--checkpoint", target["id"], "--reason", "it went wrong", "--yes")
    result = answer("restore", url, *options)
    with graphs.saver(langgraph) as saver:
        graph = graphs.counter(saver, graphs.Delta)
        state = graph.get_state(graphs.config("t"))
        assert state.config["configurable"]["checkpoint_id"] == result["head"]
        assert state.values == {"n": 3, "log": ["event 1", "event 2", "event 3"]}
        assert graph.invoke(None, graphs.config("t"))["n"] == 6


def test_kaizen_goes_on_from_what_holdfast_restored(kaizen: Path) -> None:
    options = ("--thread", "main", "--checkpoint", "ckpt_42c9635956be", "--reason", "wrong")
    result = answer("restore", f"kaizen:///{kaizen}", *options, "--yes")
    manager = StateManager(storage=FilesystemStorage(kaizen))
    state = asyncio.run(manager.resume_from_latest("research_agent"))
    assert state is not None
    assert state.checkpoint_id == result["head"]
    assert state.parent_checkpoint_id == "ckpt_42c9635956be"


def test_a_dry_run_changes_nothing(langgraph: Path) -> None:
    url = f"langgraph+sqlite:///{langgraph}"
    store = LangGraphSqliteStore(langgraph)
    target = store.history(None, "t")[4]
    options = ("--thread", "t", "--checkpoint", target.id, "--reason", "why", "--dry-run")
    plan = answer("restore", url, *options)["plan"]
    assert plan["targets"][0]["checkpoint_id"] == target.id
    assert len(store.history(None, "t")) == 8


def test_lists_the_samples_as_json(samples: Path) -> None:
    assert len(answer("list", f"langgraph+sqlite:///{samples / 'langgraph.sqlite'}")) == 437
    assert len(answer("list", f"kaizen:///{samples / 'kaizen' / 'flat'}")) == 69


def test_verify_names_the_damage_as_json(samples: Path) -> None:
    done = holdfast("verify", f"kaizen:///{samples / 'kaizen' / 'corrupt'}", "--json")
    assert done.returncode == 1
    findings = json.loads(done.stdout)
    assert {"kind", "checkpoint_id", "thread_id", "message"} == set(findings[0])
    assert len({finding["checkpoint_id"] for finding in findings}) == 10
