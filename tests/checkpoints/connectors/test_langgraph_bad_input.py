"""Files that are no LangGraph store, damaged ones, and ones made to do harm."""

from __future__ import annotations

import lzma
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import ormsgpack
import pytest

import checkpoints
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.connectors.sqlite_files import database as database_module
from checkpoints.stores.urls import open_store
from tests.checkpoints.connectors import graphs

TABLES = """
CREATE TABLE checkpoints (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '',
  checkpoint_id TEXT NOT NULL, parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB,
  metadata BLOB, PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id));
CREATE TABLE writes (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '',
  checkpoint_id TEXT NOT NULL, task_id TEXT NOT NULL, task_path TEXT NOT NULL DEFAULT '',
  idx INTEGER NOT NULL, channel TEXT NOT NULL, type TEXT, value BLOB,
  PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx));
"""
INSERT = "INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)"


def database(path: Path, script: str = TABLES) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    return connection


def changed(path: Path, statement: str, *values: Any) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.sqlite"


@pytest.fixture
def counted(path: Path) -> Path:
    with graphs.saver(path) as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(checkpoints.PermanentStoreError) as refused:
        open_store(f"langgraph+sqlite:///{path}")
    return str(refused.value)


def test_says_that_the_path_does_not_exist(path: Path) -> None:
    assert "does not exist" in refusal(path)


def test_says_that_the_path_is_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_says_that_the_file_is_not_sqlite(path: Path) -> None:
    path.write_text("not a database" * 100)
    assert "is not a SQLite file" in refusal(path)


def test_says_that_the_file_is_empty(path: Path) -> None:
    path.touch()
    assert "is empty" in refusal(path)


def test_never_waits_for_a_pipe(path: Path) -> None:
    os.mkfifo(path)
    assert "is not a regular file" in refusal(path)


def test_says_which_table_is_missing(path: Path) -> None:
    database(path, "CREATE TABLE other (id)").close()
    assert "has no table 'checkpoints'" in refusal(path)
    database(path, TABLES.split("CREATE TABLE writes", maxsplit=1)[0]).close()
    assert "has no table 'writes'" in refusal(path)


def test_says_which_columns_are_missing(path: Path) -> None:
    database(path, TABLES.replace("metadata BLOB,", "")).close()
    assert "lacks metadata" in refusal(path)


def test_a_view_in_place_of_a_table_is_not_read(path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    view = f"CREATE VIEW checkpoints AS {endless} SELECT i AS thread_id FROM n"
    database(path, f"{TABLES.split(';')[1]}; {view}").close()
    assert "is a view" in refusal(path)


def test_a_locked_file_is_a_passing_condition(
    counted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_BUSY_SECONDS", 0.1)
    changed(counted, "PRAGMA journal_mode = DELETE")
    holder = sqlite3.connect(counted, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(checkpoints.TransientStoreError, match="is locked"):
        LangGraphSqliteStore(counted)
    holder.close()


def test_reading_changes_no_byte(samples: Path, tmp_path: Path) -> None:
    path = tmp_path / "sample.sqlite"
    shutil.copyfile(samples / "langgraph.sqlite", path)
    before = path.read_bytes()
    store = LangGraphSqliteStore(path)
    store.changes(None)
    list(store.verify())
    store.close()
    assert path.read_bytes() == before


def test_what_is_still_in_the_write_ahead_log_is_read(path: Path) -> None:
    with graphs.saver(path) as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))
        assert path.with_name("own.sqlite-wal").stat().st_size > 0
        store = LangGraphSqliteStore(path)
        assert store.head(None, "t") is not None
        assert len(store.history(None, "t")) == 8
        store.close()


READ = """
import os, sys
from pathlib import Path
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
os.setuid(65534)
try:
    store = LangGraphSqliteStore(Path(sys.argv[1]))
    print(len(store.history(None, "t")), store.capabilities.reasons.get("restore"))
except Exception as error:
    print(type(error).__name__, error)
"""


def read_as_nobody(path: Path) -> str:
    if os.getuid() != 0:
        pytest.skip("needs to become another user")
    for folder in [path.parent, *path.parent.parents]:
        if folder.stat().st_mode & 0o055 != 0o055:
            folder.chmod(folder.stat().st_mode | 0o055)
    path.parent.chmod(0o555)
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", READ, str(path)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def test_a_read_only_folder_is_read_but_not_written(counted: Path) -> None:
    changed(counted, "PRAGMA journal_mode = DELETE")
    counted.chmod(0o444)
    assert read_as_nobody(counted) == "8 the file or its folder is read-only for this user\n"


def test_says_that_a_read_only_folder_lacks_the_log(counted: Path) -> None:
    counted.chmod(0o444)
    answer = read_as_nobody(counted)
    assert answer.startswith("PermanentStoreError")
    assert "its folder is read-only" in answer


def test_a_damaged_body_is_shown_as_such_and_the_list_goes_on(counted: Path) -> None:
    store = LangGraphSqliteStore(counted)
    victim = store.history(None, "t")[2]
    changed(
        counted, "UPDATE checkpoints SET checkpoint = x'81a1' WHERE checkpoint_id = ?", victim.id
    )
    history = store.history(None, "t")
    assert [record.id for record in history if record.damage] == [victim.id]
    assert len(history) == 8
    with pytest.raises(checkpoints.CorruptCheckpoint):
        store.load(store.get(victim.id))
    assert [f.checkpoint_id for f in store.verify()] == [victim.id]


@pytest.mark.parametrize(
    ("kind", "body", "damage"),
    [
        ("pickle", b"cos\nsystem\n(S'true'\ntR.", "blocked: the body is a pickle"),
        ("msgpack+aes", b"\0" * 40, "encrypted"),
        ("yaml", b"a: 1", "not known"),
        ("msgpack", b"\x91" * 5_000, "64 levels"),
        ("msgpack", ormsgpack.packb([1]), "not a map"),
        ("msgpack", ormsgpack.packb({"channel_values": 3}), "channel_values is not a map"),
        (None, None, "not known"),
        ("msgpack", None, "missing"),
        ("msgpack", "text", "not a map"),
        ("msgpack", 7, "not valid"),
    ],
)
def test_odd_bodies_are_explained(path: Path, kind: Any, body: Any, damage: str) -> None:
    connection = database(path)
    connection.execute(INSERT, ("t", "", "c1", None, kind, body, None))
    connection.commit()
    connection.close()
    store = LangGraphSqliteStore(path)
    [record] = store.history(None, "t")
    assert damage in (record.damage or "")
    assert (record.agent_id, record.created_at.year) == ("own", 1970)
    assert store.changes(None).checkpoints == (record,)
    assert [thread.head_id for thread in store.threads()] == ["c1"]
    assert [finding.checkpoint_id for finding in store.verify()] == ["c1"]


@pytest.mark.parametrize(
    "metadata",
    [None, b"", b"[]", b"\xff", b'{"step": "x", "agent_id": 3, "run_id": {}}', "text", 5, 1.5],
)
def test_odd_metadata_does_not_stop_the_listing(path: Path, metadata: Any) -> None:
    connection = database(path)
    body = ormsgpack.packb({"v": 4, "id": "c1", "ts": 3, "channel_values": {}})
    connection.execute(INSERT, ("t", "", "c1", "gone", "msgpack", body, metadata))
    connection.commit()
    connection.close()
    [record] = LangGraphSqliteStore(path).history(None, "t")
    assert (record.agent_id, record.step, record.damage) == ("own", -1, None)


def test_a_lineage_that_runs_in_a_circle_comes_to_an_end(counted: Path) -> None:
    store = LangGraphSqliteStore(counted)
    history = store.history(None, "t")
    changed(
        counted,
        "UPDATE checkpoints SET parent_checkpoint_id = ? WHERE checkpoint_id = ?",
        history[0].id,
        history[-1].id,
    )
    assert store.plan_restore(history[3]).rerun_steps == ("work",)


def test_missing_parents_and_orphaned_writes_are_found(counted: Path) -> None:
    store = LangGraphSqliteStore(counted)
    victim = store.history(None, "t")[3]
    changed(counted, "DELETE FROM checkpoints WHERE checkpoint_id = ?", victim.id)
    assert {finding.kind for finding in store.verify()} == {"missing_parent", "orphaned_writes"}


def test_a_body_with_the_id_of_another_is_found(counted: Path) -> None:
    store = LangGraphSqliteStore(counted)
    history = store.history(None, "t")
    changed(
        counted,
        "UPDATE checkpoints SET checkpoint = (SELECT checkpoint FROM checkpoints"
        " WHERE checkpoint_id = ?) WHERE checkpoint_id = ?",
        history[1].id,
        history[2].id,
    )
    assert [(f.kind, f.checkpoint_id) for f in store.verify()] == [("wrong_id", history[2].id)]


def everything(store: LangGraphSqliteStore) -> None:
    for thread in store.threads():
        for record in store.history(None, thread.thread_id):
            if not record.damage:
                store.load(record)
    store.changes(None)
    list(store.verify())


def test_flipped_bytes_raise_nothing_but_our_own_errors(counted: Path, tmp_path: Path) -> None:
    changed(counted, "PRAGMA journal_mode = DELETE")
    content = counted.read_bytes()
    chance = random.Random(7)
    for number in range(150):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 4, 40))):
            damaged[chance.randrange(100, len(damaged))] ^= 1 << chance.randrange(8)
        path = tmp_path / f"{number}.sqlite"
        path.write_bytes(damaged)
        try:
            store = LangGraphSqliteStore(path)
            everything(store)
            store.close()
        except checkpoints.CheckpointError:
            pass
        path.unlink()


def images(data_dir: Path, name: str) -> list[bytes]:
    with tarfile.open(data_dir / "security" / "sqlite-fuzz.tar.gz") as archive:
        packed = archive.extractfile(f"sqlite-fuzz/{name}.db.xz")
        assert packed
        content = lzma.decompress(packed.read())
    connection = sqlite3.connect(":memory:")
    connection.deserialize(content)
    rows = connection.execute("SELECT dbcontent FROM db").fetchall()
    connection.close()
    return [row[0] if isinstance(row[0], bytes) else row[0].encode() for row in rows]


@pytest.mark.parametrize("name", ["fuzzdata3", "fuzzdata7"])
def test_malformed_files_are_refused(data_dir: Path, path: Path, name: str) -> None:
    for image in images(data_dir, name)[::40]:
        path.write_bytes(image)
        with pytest.raises(checkpoints.StoreError):
            LangGraphSqliteStore(path)


def test_says_that_a_crash_left_the_file_in_the_middle_of_a_write(counted: Path) -> None:
    changed(counted, "PRAGMA journal_mode = DELETE")
    crash = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        " c.execute('PRAGMA cache_size = 1');"
        " c.execute('UPDATE checkpoints SET metadata = zeroblob(9000)'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", crash, str(counted)], check=True)
    assert counted.with_name("own.sqlite-journal").exists()
    assert "in the middle of a write" in refusal(counted)
