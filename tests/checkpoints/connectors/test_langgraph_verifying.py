"""What verifying finds in a real LangGraph file that was damaged row by row."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ormsgpack
import pytest

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Finding

ENOUGH = "thread_id = 'support-001' AND checkpoint_ns = ''"


@pytest.fixture
def path(samples: Path, tmp_path: Path) -> Path:
    for name in ("langgraph.sqlite", "langgraph.sqlite-wal"):
        shutil.copyfile(samples / name, tmp_path / name)
    return tmp_path / "langgraph.sqlite"


def done(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, values).fetchall()


def newest(path: Path, where: str = ENOUGH, at: int = 0) -> str:
    sql = f"SELECT checkpoint_id FROM checkpoints WHERE {where} ORDER BY checkpoint_id DESC"
    return str(done(path, f"{sql} LIMIT 1 OFFSET ?", at)[0][0])


def set_column(path: Path, name: str, column: str, value: Any) -> None:
    done(path, f"UPDATE checkpoints SET {column} = ? WHERE checkpoint_id = ?", value, name)


def body_of(path: Path, name: str) -> Any:
    [[data]] = done(path, "SELECT checkpoint FROM checkpoints WHERE checkpoint_id = ?", name)
    return inert.unpack_for_rewriting(data)


def rewritten(path: Path, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    content = body_of(path, name)
    change(content)
    set_column(path, name, "checkpoint", inert.repack(content))


def found(path: Path, clock: datetime | None = None) -> list[Finding]:
    store = LangGraphSqliteStore(path)
    if clock is not None:
        store.clock = lambda: clock
    try:
        return list(store.verify())
    finally:
        store.close()


def kinds(path: Path) -> list[tuple[str, str | None]]:
    return [(finding.kind, finding.checkpoint_id) for finding in found(path)]


def test_nothing_is_wrong_with_the_sample(path: Path) -> None:
    assert found(path) == []


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("checkpoint", b"\xc1" * 9, "undecodable"),
        ("checkpoint", b"", "zero_length"),
        ("checkpoint", None, "zero_length"),
        ("checkpoint", ormsgpack.packb([1]), "undecodable"),
        ("metadata", b"\xff\xfe", "undecodable_metadata"),
        ("metadata", b'{"step": ', "undecodable_metadata"),
        ("type", "pickle", "undecodable"),
        ("type", "msgpack+aes", "encrypted"),
        ("parent_checkpoint_id", "1f000000-0000-6000-8000-000000000000", "missing_parent"),
    ],
)
def test_each_damage_of_a_row_has_its_name(path: Path, column: str, value: Any, kind: str) -> None:
    name = newest(path)
    set_column(path, name, column, value)
    assert (kind, name) in kinds(path)
    assert {place for _, place in kinds(path) if kind != "encrypted"} <= {name}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_body_that_was_cut_off_is_named_so(path: Path, share: float) -> None:
    name = newest(path)
    whole = inert.repack(body_of(path, name))
    set_column(path, name, "checkpoint", whole[: int(len(whole) * share)])
    assert kinds(path) == [("truncated", name)]


@pytest.mark.parametrize("at", range(1, 60, 7))
def test_json_that_was_cut_off_is_told_from_what_is_no_json(at: int) -> None:
    whole = b'{"a": [1, -2.5e3, true, null, "xy\\u00e9 z"], "b": {"c": {}}}'
    with pytest.raises(inert.CutOff):
        inert.decode_json(whole[:at])
    with pytest.raises(CorruptCheckpoint) as refused:
        inert.decode_json(whole[:at] + b"\x01}")
    assert not isinstance(refused.value, inert.CutOff)


def test_one_broken_row_never_hides_another(path: Path) -> None:
    names = [newest(path, at=place) for place in range(3)]
    for name in names:
        set_column(path, name, "checkpoint", b"\xc1")
    assert {name for kind, name in kinds(path) if kind == "undecodable"} == set(names)


def test_what_a_task_wrote_and_nobody_can_read_is_named(path: Path) -> None:
    [[rowid, name]] = done(path, "SELECT rowid, checkpoint_id FROM writes LIMIT 1")
    done(path, "UPDATE writes SET value = x'c1' WHERE rowid = ?", rowid)
    assert kinds(path) == [("undecodable_write", name)]


def test_writes_whose_checkpoint_is_gone_are_named(path: Path) -> None:
    name = newest(path, at=1)
    done(path, "DELETE FROM checkpoints WHERE checkpoint_id = ?", name)
    assert {kind for kind, _ in kinds(path)} == {"orphaned_writes", "missing_parent"}


def test_a_value_put_together_from_checkpoints_that_are_gone_is_named(path: Path) -> None:
    """As a prune leaves it that keeps the latest and knows nothing of delta channels."""
    head = newest(path, "thread_id = 'delta-1'")
    done(path, "DELETE FROM checkpoints WHERE thread_id = 'delta-1' AND checkpoint_id <> ?", head)
    assert ("severed_chain", head) in kinds(path)
    set_column(path, head, "parent_checkpoint_id", None)
    assert ("severed_chain", head) in kinds(path)


def test_all_that_follow_a_severed_value_are_named_until_it_is_stored_again(path: Path) -> None:
    names = [newest(path, "thread_id = 'delta-1'", at=place) for place in range(34, -1, -1)]
    done(path, "DELETE FROM checkpoints WHERE checkpoint_id = ?", names[10])
    severed = [name for kind, name in kinds(path) if kind == "severed_chain"]
    assert severed
    assert severed == [name for name in names[11:] if name in severed]
    assert names[-1] not in severed
    [message] = [
        f.message for f in found(path) if f.checkpoint_id == severed[0] and "log" in f.message
    ]
    assert message == f"log is put together from older checkpoints, and {names[10]} is gone"


def test_a_value_put_together_from_what_cannot_be_read_is_named(path: Path) -> None:
    head, before = (newest(path, "thread_id = 'delta-1'", at=place) for place in (0, 1))
    set_column(path, before, "checkpoint", b"\xc1")
    assert kinds(path) == [("undecodable", before), ("severed_chain", head)]


def test_a_channel_that_was_emptied_is_named_with_the_parent_that_had_it(path: Path) -> None:
    head, parent = newest(path), newest(path, at=1)
    count = len(body_of(path, parent)["channel_values"]["messages"])
    rewritten(path, head, lambda body: body["channel_values"].update(messages=[]))
    [finding] = found(path)
    assert (finding.kind, finding.checkpoint_id) == ("poisoned", head)
    assert finding.message == f"messages held {count} items at {parent} and holds none here"


def test_a_channel_that_vanished_under_the_same_version_is_named(path: Path) -> None:
    head, parent = newest(path), newest(path, at=1)
    version = body_of(path, parent)["channel_versions"]["messages"]

    def emptied(body: dict[str, Any]) -> None:
        del body["channel_values"]["messages"]
        body["channel_versions"]["messages"] = version

    rewritten(path, head, emptied)
    assert kinds(path) == [("poisoned", head)]


def test_a_queue_whose_last_item_is_done_is_not_poisoned(path: Path) -> None:
    head, parent = newest(path), newest(path, at=1)
    rewritten(path, parent, lambda body: body["channel_values"].update(queue=["last"]))
    rewritten(path, head, lambda body: body["channel_values"].update(queue=[]))
    assert found(path) == []


def test_plain_rows_among_encrypted_ones_are_named_also_those_before_them(path: Path) -> None:
    names = [row[0] for row in done(path, "SELECT checkpoint_id FROM checkpoints ORDER BY rowid")]
    middle = names[200]
    set_column(path, middle, "type", "msgpack+aes")
    done(path, "UPDATE writes SET type = 'msgpack+aes' WHERE checkpoint_id = ?", middle)
    plain = {name for kind, name in kinds(path) if kind == "plaintext"}
    assert plain == set(names) - {middle}


def test_a_plain_result_of_a_task_in_an_encrypted_checkpoint_is_named(path: Path) -> None:
    done(path, "UPDATE checkpoints SET type = 'msgpack+aes'")
    [[name]] = done(path, "SELECT checkpoint_id FROM writes WHERE type = 'msgpack' LIMIT 1")
    assert ("plaintext", name) in kinds(path)


def test_ids_from_the_future_are_named_by_the_clock_of_the_store(path: Path) -> None:
    head = newest(path, "TRUE")
    made = LangGraphSqliteStore(path).get(head).created_at
    assert found(path, made) == []
    [finding] = found(path, made - timedelta(minutes=5))
    assert (finding.kind, finding.checkpoint_id) == ("future_id", head)


def test_the_same_id_in_other_threads_and_namespaces_is_as_it_should_be(path: Path) -> None:
    name = newest(path)
    copy = "INSERT INTO checkpoints SELECT ?, ?, checkpoint_id, NULL, type, checkpoint, metadata"
    for thread, namespace in [("a", ""), ("support-001", "sub")]:
        done(
            path,
            f"{copy} FROM checkpoints WHERE checkpoint_id = ? LIMIT 1",
            thread,
            namespace,
            name,
        )
    assert found(path) == []


def test_the_same_name_as_text_and_as_bytes_is_found(path: Path) -> None:
    name = newest(path)
    done(
        path,
        "INSERT INTO checkpoints SELECT thread_id, checkpoint_ns, CAST(checkpoint_id AS BLOB),"
        " parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints"
        " WHERE checkpoint_id = ?",
        name,
    )
    assert kinds(path) == [("duplicate_id", name)]


def test_a_table_that_lost_its_key_is_searched_for_doubled_ids(path: Path) -> None:
    name = newest(path)
    done(path, "CREATE TABLE others AS SELECT * FROM checkpoints")
    done(path, "DROP TABLE checkpoints")
    done(path, "ALTER TABLE others RENAME TO checkpoints")
    done(path, "INSERT INTO checkpoints SELECT * FROM checkpoints WHERE checkpoint_id = ?", name)
    assert kinds(path) == [("duplicate_id", name)]


def test_a_body_of_a_version_still_to_come_is_named(path: Path) -> None:
    head = newest(path)
    rewritten(path, head, lambda body: body.update(v=9))
    assert kinds(path) == [("future_version", head)]


def test_a_file_that_is_replaced_while_it_is_read_is_told_of(path: Path) -> None:
    store = LangGraphSqliteStore(path)
    set_column(path, newest(path), "checkpoint", b"\xc1")
    other = path.with_name("other.sqlite")
    shutil.copyfile(path, other)
    findings = store.verify()
    first = next(findings)
    other.replace(path)
    assert [finding.kind for finding in (first, *findings)] == ["undecodable", "replaced"]
    store.close()


def test_a_file_that_vanishes_while_it_is_read_is_told_of(path: Path) -> None:
    store = LangGraphSqliteStore(path)
    set_column(path, newest(path), "checkpoint", b"\xc1")
    findings = store.verify()
    next(findings)
    path.unlink()
    assert [finding.kind for finding in findings] == ["replaced"]
    store.close()


def test_rows_on_both_sides_of_a_damaged_page_are_read(path: Path) -> None:
    done(path, "PRAGMA journal_mode = DELETE")
    ids = [row[0] for row in done(path, "SELECT checkpoint_id FROM checkpoints ORDER BY rowid")]
    for name in (ids[0], ids[-1]):
        set_column(path, name, "checkpoint", b"\xc1")
    [[root]] = done(path, "SELECT rootpage FROM sqlite_master WHERE name = 'checkpoints'")
    damage_a_leaf(path, root)
    seen = kinds(path)
    assert {("undecodable", ids[0]), ("undecodable", ids[-1])} <= set(seen)
    assert "damaged_file" in {kind for kind, _ in seen}


def damage_a_leaf(path: Path, root: int) -> None:
    """Overwrite the leaf in the middle of a table's tree."""
    [[size]] = done(path, "PRAGMA page_size")
    content = bytearray(path.read_bytes())
    start = (root - 1) * size
    assert content[start] == 5, "the root of a table of this size is an inner page"
    cells = int.from_bytes(content[start + 3 : start + 5], "big")
    pointer = start + 12 + 2 * (cells // 2)
    cell = start + int.from_bytes(content[pointer : pointer + 2], "big")
    leaf = (int.from_bytes(content[cell : cell + 4], "big") - 1) * size
    content[leaf : leaf + 64] = b"\x55" * 64
    path.write_bytes(content)


def test_a_thousand_broken_rows_are_a_thousand_findings(path: Path) -> None:
    rows = ((f"t{n}", f"c{n}") for n in range(1_000))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO checkpoints VALUES (?, '', ?, NULL, 'msgpack', x'c1', NULL)", rows
        )
    assert len(found(path, datetime.now(UTC))) == 1_000
