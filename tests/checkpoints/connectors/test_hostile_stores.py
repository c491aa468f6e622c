"""Stores made to do harm: nothing in them is run or imported, and none fills the memory."""

from __future__ import annotations

import gzip
import json
import pickle
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import ormsgpack
import pytest

import checkpoints
from checkpoints.connectors.documents.folder import Entry, Folder
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore

ROOT = Path(__file__).resolve().parents[3]
CANARY = "import pathlib; pathlib.Path(__file__).with_name('ran').touch()\ndef f(*_): pass\n"
READ = """
import resource, sys
sys.path.insert(0, sys.argv[3])
from checkpoints import CheckpointError, open_store

def everything(url):
    store = open_store(url)
    kinds = [finding.kind for finding in store.verify()]
    for thread in list(store.threads()):
        for record in store.history(None, thread.thread_id):
            try:
                store.load(record)
            except CheckpointError:
                pass
            store.raw(record)
    store.changes(None)
    store.close()
    return kinds

everything(sys.argv[1])
known, before = set(sys.modules), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kinds = everything(sys.argv[2])
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
print(sorted(set(sys.modules) - known), grown, ",".join(sorted(set(kinds))))
"""
TABLES = """
CREATE TABLE checkpoints (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '',
  checkpoint_id TEXT NOT NULL, parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB,
  metadata BLOB, PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id));
CREATE TABLE writes (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '',
  checkpoint_id TEXT NOT NULL, task_id TEXT NOT NULL, task_path TEXT NOT NULL DEFAULT '',
  idx INTEGER NOT NULL, channel TEXT NOT NULL, type TEXT, value BLOB,
  PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx));
"""


class Harm:
    """A pickle that imports the canary when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("import canary",)


def database(path: Path, script: str = TABLES) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


def insert(path: Path, name: str, kind: str, body: Any) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        row = ("t", "", name, None, kind, body, b"{}")
        connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        write = ("t", "", name, "task", "", 0, "c", kind, body)
        connection.execute("INSERT INTO writes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", write)


def body_with(value: Any) -> bytes:
    body = {"v": 4, "id": "", "ts": "", "channel_values": {"c": value}, "channel_versions": {}}
    return ormsgpack.packb(body)


def read_apart(tmp_path: Path, harmless: str, hostile: str) -> tuple[str, int, set[str]]:
    """Read both in another process; return new modules, more memory in MB, and the findings."""
    (tmp_path / "canary.py").write_text(CANARY)
    command = [sys.executable, "-c", READ, harmless, hostile, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    modules, _, rest = done.stdout.strip().rpartition("] ")
    grown, _, kinds = rest.partition(" ")
    return modules.strip("["), int(grown), set(kinds.split(","))


def test_nothing_that_a_langgraph_store_names_is_imported_or_run(tmp_path: Path) -> None:
    plain, hostile = database(tmp_path / "plain.db"), database(tmp_path / "hostile.db")
    insert(plain, "c1", "msgpack", body_with(1))
    call = ormsgpack.packb(["canary", "f", [], "f"])
    for code in range(9):
        insert(hostile, f"ext{code}", "msgpack", body_with(ormsgpack.Ext(code, call)))
    constructor = {"lc": 2, "type": "constructor", "id": ["canary", "f"], "kwargs": {}}
    lc = json.dumps({"v": 4, "id": "", "channel_values": {"c": constructor}}).encode()
    insert(hostile, "lc", "json", lc)
    insert(hostile, "pickle", "pickle", pickle.dumps(Harm()))
    insert(hostile, "yaml", "yaml", b"!!python/object/apply:canary.f []")
    urls = (f"langgraph+sqlite:///{path}" for path in (plain, hostile))

    modules, _, kinds = read_apart(tmp_path, *urls)

    assert modules == ""
    assert not (tmp_path / "ran").exists()
    assert kinds == {"undecodable"}


def test_nothing_that_a_kaizen_folder_names_is_imported_or_run(tmp_path: Path) -> None:
    plain, hostile = tmp_path / "plain", tmp_path / "hostile"
    for folder in (plain, hostile):
        folder.mkdir()
    state = {
        "checkpoint_id": "c1",
        "agent_id": "a",
        "timestamp": "2026-01-01T00:00:00+00:00",
        "step_number": 1,
        "status": "running",
    }
    (plain / "c1.jsonl").write_text(json.dumps(state))
    constructor = {"lc": 1, "type": "constructor", "id": ["canary", "f"], "kwargs": {}}
    memory = {"a": constructor, "b": {"__reduce__": "canary.f"}, "c": "!!python/name:canary.f"}
    (hostile / "c1.jsonl").write_text(json.dumps(state | {"memory_contents": memory}))
    (hostile / "c2.jsonl").write_bytes(pickle.dumps(Harm()))
    (hostile / "c3.jsonl.gz").write_bytes(gzip.compress(pickle.dumps(Harm())))

    modules, _, kinds = read_apart(tmp_path, f"kaizen:///{plain}", f"kaizen:///{hostile}")

    assert modules == ""
    assert not (tmp_path / "ran").exists()
    assert kinds == {"undecodable"}


def nested(bomb: bytes, depth: int) -> bytes:
    for _ in range(depth):
        bomb = gzip.compress(bomb)
    return bomb


@pytest.mark.parametrize("depth", [1, 2, 4], ids=["bomb", "nested", "deeply-nested"])
def test_no_gzip_bomb_fills_the_memory(tmp_path: Path, depth: int) -> None:
    plain, hostile = tmp_path / "plain", tmp_path / "hostile"
    for folder in (plain, hostile):
        folder.mkdir()
    near_limit = gzip.compress(b'{"a": "' + b"x" * (16 * 1024 * 1024 - 100) + b'"}')
    (plain / "c1.jsonl.gz").write_bytes(near_limit)
    bomb = nested(bytes(400 * 1024 * 1024), depth)
    for number in range(5):
        (hostile / f"c{number}.jsonl.gz").write_bytes(bomb * 3)
        (hostile / f"e{number}.enc.gz.jsonl").write_bytes(bomb)

    _, grown, kinds = read_apart(tmp_path, f"kaizen:///{plain}", f"kaizen:///{hostile}")

    assert grown < 20
    assert kinds & {"too_large", "undecodable", "second_line"}


def test_a_body_past_the_limit_is_named_and_never_read(tmp_path: Path) -> None:
    plain, hostile = database(tmp_path / "plain.db"), database(tmp_path / "hostile.db")
    insert(plain, "c1", "msgpack", body_with(1))
    with closing(sqlite3.connect(hostile)) as connection, connection:
        connection.execute(
            "INSERT INTO checkpoints VALUES ('t', '', 'c1', NULL, 'msgpack', zeroblob(?), NULL)",
            (300 * 1024 * 1024,),
        )
    with closing(sqlite3.connect(hostile)) as connection, connection:
        connection.execute(
            "INSERT INTO writes VALUES ('t', '', 'c1', 'k', '', 0, 'c', 'msgpack', zeroblob(?))",
            (300 * 1024 * 1024,),
        )
    urls = (f"langgraph+sqlite:///{path}" for path in (plain, hostile))

    _, grown, kinds = read_apart(tmp_path, *urls)

    assert grown < 60
    assert kinds == {"too_large", "undecodable_write"}


@pytest.mark.parametrize(
    "script",
    [
        TABLES.replace("checkpoint BLOB,", "checkpoint AS (hex(zeroblob(400000000))),"),
        TABLES.replace("metadata BLOB,", "metadata AS (zeroblob(900000000)),"),
        "CREATE VIRTUAL TABLE checkpoints USING fts5(thread_id, checkpoint_ns, checkpoint_id,"
        " parent_checkpoint_id, type, checkpoint, metadata);" + TABLES.split(";")[1] + ";",
    ],
    ids=["generated-body", "generated-metadata", "virtual-table"],
)
def test_tables_that_compute_what_they_hold_do_no_harm(tmp_path: Path, script: str) -> None:
    path = database(tmp_path / "odd.db", script)
    with suppress(checkpoints.PermanentStoreError):
        store = LangGraphSqliteStore(path)
        assert {finding.kind for finding in store.verify()} <= {"damaged_file"}
        store.close()


def test_a_file_that_cannot_be_read_hides_no_other(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a disk fails under one file, or it belongs to another user."""
    real = Folder.read

    def read(folder: Folder, entry: Entry, limit: int) -> bytes:
        if entry.name == "bad.jsonl":
            raise checkpoints.TransientStoreError("bad.jsonl cannot be read: Input/output error")
        return real(folder, entry, limit)

    for source in sorted((samples / "kaizen" / "mixed").iterdir())[:3]:
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / "bad.jsonl").write_text("{}")
    monkeypatch.setattr(Folder, "read", read)
    store = KaizenStore(tmp_path)
    assert ("unreadable_file", "bad") in {(f.kind, f.checkpoint_id) for f in store.verify()}
    assert len(store.history(None, "main")) == 3


def test_a_folder_that_vanishes_while_it_is_verified_is_said_to_be_gone(tmp_path: Path) -> None:
    folder = tmp_path / "states"
    folder.mkdir()
    (folder / "c1.jsonl").touch()
    findings = KaizenStore(folder).verify()
    assert next(findings).kind == "zero_length"
    (folder / "c1.jsonl").unlink()
    folder.rmdir()
    with pytest.raises(checkpoints.PermanentStoreError, match="does not exist"):
        list(findings)


def test_a_file_that_vanishes_while_it_is_verified_is_passed_over(tmp_path: Path) -> None:
    for name in ("c1", "c2"):
        (tmp_path / f"{name}.jsonl").touch()
    findings = KaizenStore(tmp_path).verify()
    next(findings)
    (tmp_path / "c2.jsonl").unlink()
    assert {finding.kind for finding in findings} <= {"zero_length"}
