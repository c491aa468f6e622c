"""The command line on stores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from checkpoints import CheckpointManager, open_store
from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with a thread of three checkpoints."""
    url = f"sqlite:///{tmp_path}/store.db"
    with CheckpointManager("agent-1", store=url) as manager:
        for n in range(3):
            manager.create_checkpoint(state={"n": n, "log": ["x"] * n}, step_name="search")
    return url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def ids(url: str) -> list[str]:
    return [record["id"] for record in json.loads(run("list", url, "--json").stdout)]


def head(url: str) -> str | None:
    found = open_store(url).head("agent-1", "main")
    return found.checkpoint_id if found else None


def restore(url: str, target: str, *more: str) -> Result:
    return run(
        "restore",
        url,
        "--thread",
        "main",
        "--checkpoint",
        target,
        "--reason",
        "drift",
        *more,
    )


def test_list_prints_an_array_of_records_newest_first(url: str) -> None:
    records = json.loads(run("list", url, "--json").stdout)
    assert [record["step"] for record in records] == [3, 2, 1]
    assert {record["agent_id"] for record in records} == {"agent-1"}


def test_list_of_one_thread_and_of_the_newest(url: str) -> None:
    assert (
        len(json.loads(run("list", url, "--thread", "main", "--limit", "2", "--json").stdout)) == 2
    )
    assert run("list", url, "--thread", "other", "--json").exit_code == Exit.NOT_FOUND


def test_list_prints_a_table_for_people(url: str) -> None:
    printed = run("list", url).stdout
    assert "agent-1" in printed
    assert ids(url)[0] in printed


def test_show_prints_record_and_state(url: str) -> None:
    shown = json.loads(run("show", url, ids(url)[0], "--json").stdout)
    assert (shown["checkpoint"]["step"], shown["state"]["n"]) == (3, 2)
    assert '"n": 2' in run("show", url, ids(url)[0]).stdout


def test_no_content_reaches_the_terminal_as_an_order(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    hostile = "\x1b[2J\x9b31m\x7f\u202e[red]\n"
    with CheckpointManager(hostile, store=url) as manager:
        values = {hostile: [hostile, "文"]}
        saved = [
            manager.create_checkpoint(
                state={**values, "n": n}, step_name=hostile, metadata={"a": hostile}
            )
            for n in range(2)
        ]
    assert "文" in run("show", url, saved[0].id).stdout
    for words in (["list", url], ["show", url, saved[0].id], ["diff", url, *(s.id for s in saved)]):
        shown = run(*words).output
        assert shown.replace("\n", "").isprintable()
        assert "\n[red]" not in shown


def test_diff_names_what_changed(url: str) -> None:
    newest, _, oldest = ids(url)
    changes = json.loads(run("diff", url, oldest, newest, "--json").stdout)
    assert [(c["path"], c["kind"]) for c in changes] == [
        (["n"], "changed"),
        (["log", 0], "added"),
        (["log", 1], "added"),
    ]
    assert "~ n: 0 → 2" in run("diff", url, oldest, newest).stdout


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(url: str) -> None:
    newest, middle, oldest = ids(url)
    result = json.loads(restore(url, oldest, "--dry-run", "--json").stdout)
    assert result["dry_run"]
    assert result["plan"]["superseded"] == [newest, middle]
    assert head(url) == newest


def test_a_dry_run_says_what_a_restore_means(url: str) -> None:
    oldest = ids(url)[-1]
    impact = json.loads(restore(url, oldest, "--dry-run", "--json").stdout)["impact"]
    assert impact["diff"]["changed"] > 0
    assert "In the state" in restore(url, oldest, "--dry-run").stdout


def test_a_restore_moves_the_head(url: str) -> None:
    newest, _, oldest = ids(url)
    result = json.loads(restore(url, oldest, "--yes", "--json").stdout)
    assert (result["previous_head"], result["head"], head(url)) == (
        newest,
        oldest,
        oldest,
    )


def test_a_restore_without_yes_asks_and_without_a_person_does_nothing(url: str) -> None:
    newest, _, oldest = ids(url)
    assert restore(url, oldest).exit_code == Exit.USAGE
    assert head(url) == newest


def test_restoring_the_head_is_refused(url: str) -> None:
    result = restore(url, ids(url)[0], "--yes")
    assert result.exit_code == Exit.REFUSED
    assert "already is the head" in result.stderr


def test_verify_finds_nothing_in_a_whole_store(url: str) -> None:
    result = run("verify", url, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (Exit.OK, [])


def test_verify_names_a_damaged_checkpoint_and_restore_refuses_it(url: str, tmp_path: Path) -> None:
    _, middle, oldest = ids(url)
    damage(tmp_path / "store.db", oldest)
    result = run("verify", url, "--json")
    (finding,) = json.loads(result.stdout)
    assert result.exit_code == Exit.FINDINGS
    assert (finding["kind"], finding["checkpoint_id"], finding["thread_id"]) == (
        "corrupt_checkpoint",
        oldest,
        "main",
    )
    assert restore(url, oldest, "--yes").exit_code == Exit.CORRUPT
    shown = run("show", url, oldest, "--json")
    assert shown.exit_code == Exit.CORRUPT
    assert json.loads(shown.stdout)["state"] is None
    assert restore(url, middle, "--yes").exit_code == Exit.OK


def damage(path: Path, checkpoint_id: str) -> None:
    """Flip a bit in the middle of a frame."""
    import sqlite3

    with sqlite3.connect(path) as db:
        (frame,) = db.execute(
            "SELECT frame FROM checkpoints WHERE id = ?", (checkpoint_id,)
        ).fetchone()
        flipped = bytearray(frame)
        flipped[len(frame) // 2] ^= 1
        db.execute(
            "UPDATE checkpoints SET frame = ? WHERE id = ?",
            (bytes(flipped), checkpoint_id),
        )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///nowhere/at/all.db", "there is no store here"),
        ("postgres:///x", "is not a store URL"),
        ("sqlite://x.db", "where a host would stand"),
        ("sqlite://[x", "is not a store URL"),
        ("sqlite:x.db", "is not a store URL"),
        ("sqlite:///a\nb.db", "control characters"),
        ("sqlite:///x.db?mode=ro", "option that is not known: mode"),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_sentence(url: str, sentence: str) -> None:
    result = run("list", url)
    assert result.exit_code == Exit.STORE
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_checkpoint_is_said_so(url: str) -> None:
    result = run("show", url, "nowhere")
    assert result.exit_code == Exit.NOT_FOUND
    assert "list the store to see which there are" in result.stderr


def test_a_hostile_name_cannot_forge_a_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with CheckpointManager("[red]a\x1b[2J\nforged", store=url) as manager:
        manager.create_checkpoint(state={})
    printed = run("list", url).stdout
    assert "\x1b[2J" not in printed
    assert "\nforged" not in printed


def test_the_installed_command_runs(url: str) -> None:
    program = Path(sys.executable).with_name("holdfast")
    if not program.exists():
        pytest.skip("the holdfast command is not installed beside this Python")
    done = subprocess.run(
        [program, "list", url, "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HOLDFAST_ENV": "development"},
    )
    assert len(json.loads(done.stdout)) == 3


@pytest.fixture
def langgraph_url(samples: Path, tmp_path: Path) -> str:
    shutil.copy(samples / "langgraph.sqlite", tmp_path / "copy.sqlite")
    return f"langgraph+sqlite:///{tmp_path}/copy.sqlite"


def test_a_langgraph_file_is_listed_whole(langgraph_url: str) -> None:
    records: list[dict[str, Any]] = json.loads(run("list", langgraph_url, "--json").stdout)
    assert len(records) == 437
    assert len({record["thread_id"] for record in records}) == 13


def test_a_kaizen_folder_is_listed_whole(samples: Path) -> None:
    records = json.loads(run("list", f"kaizen:///{samples}/kaizen/flat", "--json").stdout)
    assert len(records) == 69


def test_damaged_kaizen_files_are_named_and_the_list_goes_on(samples: Path) -> None:
    result = run("list", f"kaizen:///{samples}/kaizen/corrupt", "--json")
    assert result.exit_code == Exit.OK
    assert "ckpt_zerolength0" in result.stderr
    assert "ckpt_zerolength0" not in result.stdout


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout == f"holdfast {version('holdfast')}\n"
