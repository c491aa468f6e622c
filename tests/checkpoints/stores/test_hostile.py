"""Stores of Holdfast's own kind that somebody has tampered with."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from checkpoints import CheckpointError, CorruptCheckpoint, PermanentStoreError, open_store
from checkpoints.cli.app import app
from checkpoints.lineage import plan_restore
from checkpoints.stores.folder.store import FileStore
from checkpoints.stores.sqlite.store import SqliteStore
from checkpoints.testing import NOON, draft, save_chain

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT {} FROM c"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A SQLite store with four checkpoints."""
    store = opened(tmp_path / "store.db")
    save_chain(store, 4)
    store.pin(store.get("c1"), reason="golden", now=NOON)
    store.close()
    return tmp_path / "store.db"


def opened(path: Path) -> SqliteStore:
    store = open_store(f"sqlite:///{path}")
    assert isinstance(store, SqliteStore)
    return store


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def test_a_view_in_a_tables_place_is_refused_and_never_read(path: Path) -> None:
    columns = (
        "x AS thread, x AS agent_id, x AS thread_id, x AS position, x AS checkpoints, x AS head"
    )
    execute(path, "DROP TABLE threads", f"CREATE VIEW threads AS {ENDLESS.format(columns)}")
    with pytest.raises(PermanentStoreError, match="threads is missing or altered"):
        list(opened(path).threads())


def test_a_trigger_makes_a_store_read_only(path: Path) -> None:
    execute(
        path,
        "CREATE TRIGGER x AFTER UPDATE ON threads BEGIN DELETE FROM checkpoints; END",
    )
    store = opened(path)
    assert len(store.history("agent-1", "main")) == 4
    assert not store.capabilities.restore
    assert "'x'" in store.capabilities.reasons["restore"]
    with pytest.raises(CheckpointError):
        plan_restore(store, store.get("c1"))
    with pytest.raises(PermanentStoreError, match="did not lay"):
        store.set_head(store.get("c1"), expected="c4", now=NOON)
    with pytest.raises(PermanentStoreError, match="did not lay"):
        store.put(draft(5, parent="c4"), {}, expected_head="c4")
    assert len(opened(path).history("agent-1", "main")) == 4


def test_an_altered_table_is_refused(path: Path) -> None:
    execute(path, "ALTER TABLE checkpoints ADD COLUMN bait TEXT DEFAULT 'worm'")
    with pytest.raises(PermanentStoreError, match="checkpoints is missing or altered"):
        list(opened(path).threads())


def test_reading_writes_nothing_even_into_an_emptied_file(tmp_path: Path) -> None:
    path = tmp_path / "emptied.db"
    execute(path, "CREATE TABLE theirs (a)", "DROP TABLE theirs")
    before = path.read_bytes()
    assert list(opened(path).threads()) == []
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_what_is_no_regular_file_is_not_opened(kind: str, tmp_path: Path) -> None:
    path = Path("/dev/zero")
    if kind == "fifo":
        path = tmp_path / "fifo"
        os.mkfifo(path)
    with pytest.raises(PermanentStoreError, match="not a regular file"):
        list(opened(path).threads())


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE threads SET head = X'00'",
        "UPDATE threads SET head = 'text'",
        "UPDATE threads SET head = zeroblob(4)",
        "UPDATE threads SET thread_id = X'FFFE'",
        "UPDATE threads SET checkpoints = 'many'",
        "DELETE FROM threads",
        "DELETE FROM meta",
        "UPDATE checkpoints SET record = '[]'",
        "UPDATE checkpoints SET record = zeroblob(4)",
        "UPDATE checkpoints SET record = substr(record, 1, 30)",
        "UPDATE checkpoints SET thread = 99",
        "UPDATE checkpoints SET base = position",
        "UPDATE checkpoints SET base = 1",
        "UPDATE checkpoints SET frame = 'text'",
        "UPDATE checkpoints SET frame = X''",
        "UPDATE checkpoints SET id = X'FF00' WHERE position = 2",
        "UPDATE pins SET pinned_at = 'soon'",
        "INSERT INTO events VALUES (99, 'trashed', 1, 'c1', NULL, 'soon')",
    ],
)
def test_damaged_rows_end_in_errors_of_ours_alone(damage: str, path: Path) -> None:
    execute(path, damage)
    store = opened(path)
    for look in (
        lambda: list(store.threads()),
        lambda: store.history("agent-1", "main"),
        lambda: store.changes(None),
        lambda: list(store.verify()),
        lambda: store.load(store.get("c2")),
        lambda: store.plan_restore(store.get("c1")),
        store.pins,
    ):
        try:
            look()
        except CheckpointError:
            continue


def test_a_record_that_claims_another_id_is_damaged(path: Path) -> None:
    second = "SELECT record FROM checkpoints WHERE id = 'c2'"
    execute(path, f"UPDATE checkpoints SET record = ({second})")
    assert [c.damage is None for c in opened(path).history("agent-1", "main")] == [
        False,
        False,
        True,
        False,
    ]


def test_a_link_in_a_folder_store_leads_nowhere(tmp_path: Path) -> None:
    store = open_store(f"file:///{tmp_path}/store")
    assert isinstance(store, FileStore)
    (saved,) = save_chain(store, 1)
    secret = tmp_path / "secret"
    secret.write_text("the password")
    file = tmp_path / "store" / "agent-1" / "main" / "c1.json"
    file.unlink()
    file.symlink_to(secret)
    for read in (store.raw, store.load):
        with pytest.raises(CorruptCheckpoint) as caught:
            read(saved)
        assert "the password" not in str(caught.value)


def test_a_linked_folder_in_a_folder_store_leads_nowhere(tmp_path: Path) -> None:
    store = open_store(f"file:///{tmp_path}/store")
    (saved,) = save_chain(store, 1)  # type: ignore[arg-type]
    agent = tmp_path / "store" / "agent-1"
    agent.rename(tmp_path / "elsewhere")
    agent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptCheckpoint):
        store.raw(saved)


def test_a_journal_line_that_is_whole_but_senseless_is_damage(tmp_path: Path) -> None:
    store = open_store(f"file:///{tmp_path}/store")
    save_chain(store, 1)  # type: ignore[arg-type]
    for text in (b'{"event": "put", "checkpoint": 7}', b'{"event": "dance"}', b"[1]", b"{}"):
        with (tmp_path / "store" / "journal.jsonl").open("ab") as journal:
            journal.write(b"%08x %s\n" % (zlib.crc32(text), text))
    again = open_store(f"file:///{tmp_path}/store")
    assert [c.id for c in again.history("agent-1", "main")] == ["c1"]
    assert [f.kind for f in again.verify()] == ["damaged_journal"] * 4


def test_the_command_line_explains_a_hostile_file(path: Path) -> None:
    from typer.testing import CliRunner

    execute(path, "DROP TABLE pins")
    result = CliRunner().invoke(app, ["list", f"sqlite:///{path}"])
    assert result.exit_code == 5
    assert "pins is missing or altered" in result.stderr


@pytest.mark.parametrize("seed", range(60))
def test_whatever_bytes_are_altered_only_errors_of_ours_come(seed: int, path: Path) -> None:
    random = Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(random.choice((1, 5, 50))):
        data[random.randrange(100, len(data))] = random.randrange(256)
    path.write_bytes(bytes(data))
    with contextlib.suppress(CheckpointError):
        store = opened(path)
        threads = list(store.threads())
        store.changes(None)
        list(store.verify())
        for thread in threads:
            store.history(thread.agent_id, thread.thread_id)
        store.put(draft(9, parent="c4"), {}, expected_head="c4")
