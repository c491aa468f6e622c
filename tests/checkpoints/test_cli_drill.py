"""holdfast drill: what it prints, and what its exit code tells."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit
from checkpoints.stores.urls import open_native_store
from checkpoints.testing import save_chain


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with three checkpoints."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    url = f"file:///{tmp_path}/store"
    with closing(open_native_store(url)) as store:
        save_chain(store, 3)
    return url


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["drill", *words])


def damage(tmp_path: Path, checkpoint_id: str) -> None:
    (path,) = (tmp_path / "store").rglob(f"{checkpoint_id}.json")
    path.write_bytes(path.read_bytes()[:-40])


def test_what_is_proven_exits_with_0(url: str) -> None:
    done = run(url)
    assert done.exit_code == Exit.OK, done.output
    assert "2 rehearsed: 2 proven, 0 failed, 0 skipped" in done.output


def test_a_damaged_checkpoint_exits_with_1_and_is_named(url: str, tmp_path: Path) -> None:
    damage(tmp_path, "c3")
    done = run(url, "--checkpoints", "3")
    assert done.exit_code == Exit.FINDINGS
    assert "failed   agent-1 main c3" in done.output
    assert "To do:" in done.output


def test_json_holds_what_was_proved(url: str) -> None:
    done = json.loads(run(url, "--checkpoints", "1", "--json").stdout)
    (one,) = done
    proved = {name: one[name] for name in ("decoded", "digest_verified", "restored", "read_back")}
    assert proved == dict.fromkeys(proved, True)
    assert one["checkpoint_id"] == "c3"


def test_an_unknown_agent_exits_with_3(url: str) -> None:
    assert run(url, "--agent", "nobody").exit_code == Exit.NOT_FOUND


def test_a_missing_store_exits_with_5(tmp_path: Path) -> None:
    assert run(f"sqlite:///{tmp_path}/none.db").exit_code == Exit.STORE
