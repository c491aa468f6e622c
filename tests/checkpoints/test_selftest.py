"""A store is tried in a scratch place; one that breaks a promise is caught by that check."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from checkpoints import CheckpointManager
from checkpoints.cli import care
from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit
from checkpoints.errors import PermanentStoreError
from checkpoints.selftest import CHECKS, Outcome, Verdict, places
from checkpoints.selftest import run as try_store
from checkpoints.stores import memory
from tests.checkpoints import liars

MAIN = "from checkpoints.cli import main; main()"
IN_MEMORY = {"durable", "race", "full", "corruption"}


def selftest(url: str, *more: str) -> Result:
    return CliRunner().invoke(app, ["selftest", url, *more])


@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_a_store_on_disk_keeps_every_promise(scheme: str, tmp_path: Path) -> None:
    outcomes = try_store(f"{scheme}:///{tmp_path}/store")
    assert [(o.check, o.verdict, o.reason) for o in outcomes] == [
        (name, Verdict.HELD, "") for name in CHECKS
    ]


def test_what_memory_cannot_show_is_said_with_its_reason() -> None:
    outcomes = {outcome.check: outcome for outcome in try_store("memory://")}
    impossible = {n for n, o in outcomes.items() if o.verdict is Verdict.NOT_POSSIBLE}
    assert impossible == IN_MEMORY
    assert all(outcomes[name].reason for name in impossible)
    assert {o.verdict for n, o in outcomes.items() if n not in IN_MEMORY} == {Verdict.HELD}


@pytest.mark.parametrize(
    ("liar", "check", "reason"),
    [
        (liars.turning_tuples_into_lists, "exact", "something else than was saved"),
        (liars.forgetting_a_field, "exact", "step_name"),
        (liars.keeping_quiet_about_what_it_cannot_keep, "exact", "is not refused"),
        (liars.acknowledging_before_it_writes, "durable", "there is no checkpoint"),
        (liars.letting_everybody_win, "race", "one won, the other won"),
        (liars.letting_everybody_win, "threads", "threads saved after the same head"),
        (liars.losing_saves_of_a_crowd, "threads", ""),
        (liars.acknowledging_when_the_disk_is_full, "full", "there is no checkpoint"),
        (liars.guessing_what_it_cannot_read, "corruption", "another state"),
        (liars.finding_everything_in_order, "corruption", "verify does not name"),
        (liars.saying_that_the_head_moved, "restore", "the head is not what the restore said"),
        (liars.losing_what_a_restore_left_behind, "restore", "are listed"),
        (liars.letting_everybody_win, "restore", "saves over it"),
        (liars.deleting_instead_of_trashing, "prune", "of 2 checkpoints 0 came back"),
        (liars.trashing_what_is_pinned, "prune", "c1 is a head or pinned"),
        (liars.raising_what_is_not_a_stores_error, "prune", "raised KeyError"),
        (liars.sweeping_what_is_too_young, "sweep", "and 0 came back"),
        (liars.sweeping_what_others_stand_on, "sweep", ""),
        (liars.recording_over_what_was_first, "journal", "is not what was recorded"),
        (liars.turning_tuples_of_entries_into_lists, "journal", "is not what was recorded"),
        (liars.listing_entries_backwards, "journal", "are listed instead of"),
        (liars.saying_that_every_entry_is_new, "journal", "as 10 new ones"),
        (liars.trashing_what_it_should_erase, "erase", "3 checkpoints came back"),
        (liars.leaving_entries_of_what_was_erased, "erase", "are left instead of"),
        (liars.cutting_long_texts, "big", "something else than was saved"),
    ],
)
def test_a_store_that_lies_is_caught(
    liar: Callable[[str], Any], check: str, reason: str, tmp_path: Path
) -> None:
    outcomes = try_store(f"sqlite:///{tmp_path}/store.db", opener=liar, checks=[check])
    assert [outcome.verdict for outcome in outcomes] == [Verdict.DID_NOT_HOLD]
    assert reason in outcomes[0].reason
    assert outcomes[0].reason
    assert list(tmp_path.iterdir()) == []


def test_what_lies_there_is_not_touched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with CheckpointManager("agent-1", store=url) as manager:
        manager.create_checkpoint(state={"n": 1})
    before = contents(tmp_path)
    try_store(url, checks=["exact", "corruption", "full"])
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[Path, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_the_scratch_place_is_on_the_same_disk_and_removed(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def look(_outcome: Outcome) -> None:
        seen.append([path.name for path in tmp_path.iterdir()])

    url = f"sqlite:///{tmp_path}/not/there/yet.db"
    try_store(url, checks=["exact"], on_outcome=look)
    assert all(name.startswith(".holdfast-selftest-") for name in seen[0])
    assert seen[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing_behind(ending: signal.Signals, tmp_path: Path) -> None:
    words = [sys.executable, "-c", MAIN, "selftest", f"file:///{tmp_path}/store"]
    running = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert running.stdout is not None
    assert "exact" in running.stdout.readline()
    assert list(tmp_path.iterdir())
    running.send_signal(ending)
    _, errors = running.communicate(timeout=60)
    assert running.returncode != 0
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_the_command_names_each_promise_and_the_time_it_took(tmp_path: Path) -> None:
    result = selftest("memory://")
    lines = result.stdout.splitlines()
    assert result.exit_code == Exit.OK
    assert [line.split()[0] for line in lines if line.startswith("held")] == ["held"] * 8
    assert all(" s  " in line for line in lines if line.startswith("held"))
    assert "not possible here" in result.stdout


def test_the_command_prints_json(tmp_path: Path) -> None:
    result = selftest(f"sqlite:///{tmp_path}/store.db", "--json")
    outcomes = json.loads(result.stdout)
    assert [outcome["check"] for outcome in outcomes] == list(CHECKS)
    assert {outcome["verdict"] for outcome in outcomes} == {"held"}
    assert set(outcomes[0]) == {"check", "promise", "verdict", "reason", "seconds"}


def test_the_command_ends_with_1_when_a_promise_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Outcome(
        check="big", promise="p", verdict=Verdict.DID_NOT_HOLD, reason="it does not", seconds=0.1
    )
    monkeypatch.setattr(care, "run", lambda url, **_: [broken])
    assert selftest("memory://").exit_code == Exit.FINDINGS


def test_stores_of_other_frameworks_are_not_tried(tmp_path: Path) -> None:
    result = selftest(f"kaizen:///{tmp_path}/folder")
    assert result.exit_code == Exit.STORE
    assert "another framework writes" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "start"),
    [
        (
            "postgresql://u:p@host/db?sslmode=require",
            "postgresql://u:p@host/db?sslmode=require&sch",
        ),
        ("redis://host:6379/3", "redis://host:6379/3?prefix=holdfast_selftest_"),
        ("s3://bucket/agents?region=x", "s3://bucket/agents/holdfast_selftest_"),
    ],
)
def test_on_a_server_the_scratch_place_has_a_name_of_its_own(
    url: str, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_module", lambda _parsed: object())
    assert places.scratch_url(url).startswith(start)
    assert places.scratch_url(url) != places.scratch_url(url)


def test_where_a_scratch_place_cannot_be_removed_none_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "_module", lambda _parsed: object())
    with pytest.raises(PermanentStoreError, match="cannot remove a scratch place"):
        try_store("redis://127.0.0.1:1/0")


def test_a_store_module_may_offer_its_own_place_and_its_removal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    removed: list[str] = []
    monkeypatch.setattr(memory, "scratch_url", lambda url: f"{url}", raising=False)
    monkeypatch.setattr(memory, "remove_scratch", removed.append, raising=False)
    try_store("memory://", checks=["prune"])
    assert removed == ["memory://"] * 2


def test_where_nothing_can_be_made_nothing_is_tried() -> None:
    result = selftest("sqlite:////proc/store.db")
    assert result.exit_code == Exit.STORE
    assert "no scratch place can be made here" in result.stderr
    assert result.stdout == ""
