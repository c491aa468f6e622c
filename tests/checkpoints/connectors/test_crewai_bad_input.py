"""Files and folders that are no stores of CrewAI's, damaged ones, and ones made to do harm."""

from __future__ import annotations

import json
import lzma
import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

import checkpoints
from checkpoints.connectors.crewai import CrewAIFolderStore, CrewAISqliteStore, recognise
from checkpoints.testing import NOON
from tests.checkpoints.connectors.crewai_stores import save_file, save_row, state

COLUMNS = "id PRIMARY KEY, created_at, parent_id, branch, data"


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TRIGGER t AFTER INSERT ON checkpoints BEGIN DELETE FROM checkpoints; END",
        "CREATE VIEW v AS SELECT * FROM checkpoints",
    ],
    ids=["trigger", "view"],
)
def test_a_file_with_triggers_or_views_is_read_only(tmp_path: Path, script: str) -> None:
    path = tmp_path / "c.db"
    save_row(path, state(0))
    save_row(path, state(1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(script)
    store = CrewAISqliteStore(path)
    record = store.history(None, "main")[-1]
    assert store.load(record)
    assert "does not write to such a file" in store.capabilities.reasons["restore"]
    with pytest.raises(checkpoints.PlanRefused):
        store.plan_restore(record)
    with pytest.raises(checkpoints.PlanRefused):
        store.plan_fork(record, thread_id="fork/x")


def test_a_trigger_that_came_after_the_plan_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    save_row(path, state(0))
    save_row(path, state(1))
    store = CrewAISqliteStore(path)
    plan = store.plan_restore(store.history(None, "main")[-1])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE VIEW v AS SELECT * FROM checkpoints")
    with pytest.raises(checkpoints.PlanRefused, match="nothing was written"):
        store.restore(plan, written_ids=["x"], operation_id="op", reason="r", now=NOON)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("CREATE TABLE other (id)", "no table 'checkpoints'"),
        ("CREATE TABLE checkpoints (id, data)", "lacks"),
        ("CREATE VIEW checkpoints AS SELECT 1 AS id", "not a table"),
        (f"CREATE TABLE checkpoints ({COLUMNS}) WITHOUT ROWID", "not a table as CrewAI makes it"),
    ],
    ids=["other", "columns", "view", "without-rowid"],
)
def test_says_why_a_file_is_no_store(tmp_path: Path, script: str, why: str) -> None:
    with closing(sqlite3.connect(tmp_path / "c.db")) as connection:
        connection.execute(script)
    with pytest.raises(checkpoints.PermanentStoreError, match=why):
        CrewAISqliteStore(tmp_path / "c.db")
    assert recognise(tmp_path / "c.db") is None


def images(data_dir: Path, name: str) -> list[bytes]:
    with tarfile.open(data_dir / "security" / "sqlite-fuzz.tar.gz") as archive:
        packed = archive.extractfile(f"sqlite-fuzz/{name}.db.xz")
        assert packed
        content = lzma.decompress(packed.read())
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        rows = connection.execute("SELECT dbcontent FROM db").fetchall()
    return [row[0] if isinstance(row[0], bytes) else row[0].encode() for row in rows]


@pytest.mark.parametrize("name", ["fuzzdata3", "fuzzdata7"])
def test_malformed_files_are_refused_and_not_recognised(
    data_dir: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "c.db"
    for image in images(data_dir, name)[::40]:
        path.write_bytes(image)
        assert recognise(path) is None
        with pytest.raises(checkpoints.StoreError):
            CrewAISqliteStore(path)


def test_a_file_with_damaged_pages_raises_nothing_but_our_own_errors(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    for done in range(40):
        save_row(path, state(done % 6))
    whole = path.read_bytes()
    for place in range(1_000, len(whole), 4_001):
        path.write_bytes(whole[:place] + b"\xff" * 64 + whole[place + 64 :])
        for name in (f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
        try:
            store = CrewAISqliteStore(path)
            list(store.verify())
            list(store.threads())
            store.changes(None)
        except checkpoints.CheckpointError:
            continue


ODD = [
    b'{"entities": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b'{"entities": [' + b"[]," * 1_966_000 + b"[]]}",
    b'{"entities": [NaN], "branch": "main"}',
    b'{"entities": [{"tasks": [' + b"9" * 5_000 + b"]}]}",
    b'{"entities": [{"name": "\\ud800", "tasks": {"a": 1}}], "branch": ["main"]}',
    b'{"entities": [{"entity_type": ["flow"], "tasks": [[], 1, null, {"name": 7}]}]}',
    b'{"entities": [], "trigger": {"a": 1}, "holdfast": [1], "event_record": null}',
    b'{"entities": [], "holdfast": {"written_at": "2999-13-99", "holdfast_directive": 7}}',
    b"\0" * 1_000,
    b"[]",
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_no_content_does_harm(tmp_path: Path, body: bytes) -> None:
    save_row(tmp_path / "c.db", state(0), data=body)
    save_row(tmp_path / "c.db", state(1), data=body.decode("latin-1"))
    name = save_file(tmp_path / "folder", state(0))
    next((tmp_path / "folder").rglob(f"{name}*")).write_bytes(body)
    for store in (CrewAISqliteStore(tmp_path / "c.db"), CrewAIFolderStore(tmp_path / "folder")):
        for record in store.changes(None).checkpoints:
            json.dumps(record.to_dict()).encode()
            store.head(None, record.thread_id)
            try:
                store.load(record)
                plan = store.plan_restore(record)
                ids = store.choose_ids(plan)
                now = store.clock()
                store.restore(plan, written_ids=ids, operation_id="op", reason="r", now=now)
            except checkpoints.CheckpointError:
                continue
        list(store.threads())
        list(store.verify())


def test_links_pipes_and_paths_that_lead_out_are_never_opened(tmp_path: Path) -> None:
    folder, secret = tmp_path / "folder", tmp_path / "secret"
    name = save_file(folder, state(0))
    save_file(secret, state(1, branch="hidden"))
    (folder / "linked").symlink_to(secret / "hidden")
    (folder / "main" / "linked_p-none.json").symlink_to(next(secret.rglob("*.json")))
    os.mkfifo(folder / "main" / "pipe_p-none.json")
    store = CrewAIFolderStore(folder)
    assert [record.id for record in store.changes(None).checkpoints] == [name]
    for branch in ("../secret/x", "/tmp/x", "a/../b", "a//b", ".hidden", "linked/x", "a\0b", ""):
        with pytest.raises(checkpoints.PlanRefused):
            store.plan_fork(store.get(name), thread_id=branch)
