"""What other frameworks wrote becomes threads of Holdfast's own, which can be restored."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from checkpoints import open_store
from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit
from checkpoints.records import Checkpoint
from checkpoints.sameness import same
from checkpoints.stores.base import ReadableStore, Store

STORES = [
    "crewai:///crewai/checkpoints.db",
    "crewai:///crewai/checkpoints",
    "sifaka:///sifaka/61d8e98_filestorage/checkpoints.json",
    "sifaka:///sifaka/b370b34_filestorage",
    "sifaka:///sifaka/cdc1946_inmemory?tz=Europe/Berlin",
    "kaizen:///kaizen/flat",
    "langgraph+sqlite:///langgraph.sqlite",
]


@pytest.fixture
def copies(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with copies of the samples, in which the command runs."""
    for name in ("crewai", "sifaka", "kaizen", "langgraph.sqlite"):
        source = samples / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, copy_function=shutil.copy2)
        else:
            shutil.copy2(source, tmp_path / name)
    for place, folders, files in os.walk(tmp_path):
        for name in (*folders, *files):
            path = Path(place, name)
            path.chmod(0o755 if path.is_dir() else 0o644)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def migrated(*arguments: str) -> int:
    return CliRunner().invoke(app, ["migrate", *arguments, "--yes"]).exit_code


def native(url: str) -> Store:
    store = open_store(url)
    assert isinstance(store, Store)
    return store


def records(store: ReadableStore) -> list[Checkpoint]:
    threads = [(thread.agent_id, thread.thread_id) for thread in store.threads()]
    return [record for names in threads for record in store.history(*names)]


@pytest.mark.parametrize("url", STORES)
def test_a_store_of_another_framework_is_copied_and_can_be_restored(copies: Path, url: str) -> None:
    assert migrated(url, "sqlite:///new.db") in (Exit.OK, Exit.FINDINGS)
    old, new = open_store(url), native("sqlite:///new.db")
    there = {record.id: record for record in records(new)}
    readable = [record for record in records(old) if record.damage is None]
    assert there.keys() == {record.id for record in readable}
    for record in readable:
        assert same(new.load(there[record.id]), old.load(record))
        assert there[record.id].created_at == record.created_at
    longest = max(new.threads(), key=lambda thread: thread.checkpoints)
    target = new.history(longest.agent_id, longest.thread_id)[-1]
    plan = new.plan_restore(target)
    head = new.restore(
        plan,
        written_ids=new.choose_ids(plan),
        operation_id="op-1",
        reason="drift",
        now=target.created_at + timedelta(days=1),
    )
    assert same(
        new.load(new.get(head.checkpoint_id)),
        old.load(old.get(target.id, thread_id=target.thread_id)),
    )


@pytest.mark.parametrize("url", [url for url in STORES if url.startswith(("crewai", "sifaka"))])
def test_heads_and_lineage_come_along(copies: Path, url: str) -> None:
    assert migrated(url, "sqlite:///new.db") == Exit.OK
    old, new = open_store(url), native("sqlite:///new.db")
    parents = {record.id: record.parent_id for record in records(old)}
    assert {record.id: record.parent_id for record in records(new)} == parents
    for thread in old.threads():
        there, here = (s.head(thread.agent_id, thread.thread_id) for s in (new, old))
        assert there is not None
        assert here is not None
        assert there.checkpoint_id == here.checkpoint_id


def test_the_command_that_sifakas_reason_names_works_as_it_stands(copies: Path) -> None:
    reason = open_store(STORES[2]).capabilities.reasons["restore"]
    command = reason.partition("holdfast ")[2].split()
    assert CliRunner().invoke(app, [*command, "--yes"]).exit_code == Exit.OK
    assert len(records(native("sqlite:///sifaka.db"))) == 40


def test_what_is_left_of_a_truncated_file_is_copied_and_the_rest_is_named(copies: Path) -> None:
    url = "sifaka:///sifaka/corrupt/checkpoints_truncated.json"
    done = CliRunner().invoke(app, ["migrate", url, "sqlite:///new.db", "--yes"])
    assert (done.exit_code, "truncated" in done.output.lower()) == (Exit.FINDINGS, True)
    assert len(records(native("sqlite:///new.db"))) == 40


def test_done_again_it_goes_on_and_doubles_nothing(copies: Path) -> None:
    for _ in range(2):
        assert migrated(STORES[3], "sqlite:///new.db") == Exit.OK
    assert len(records(native("sqlite:///new.db"))) == 40
