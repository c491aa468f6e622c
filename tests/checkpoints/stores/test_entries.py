"""The journal's entries in stores in SQL and in folders: sealed, checked, mended, and cheap."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import ormsgpack
import pytest
import xxhash

from checkpoints import CorruptCheckpoint, PermanentStoreError, Store, open_store
from checkpoints.bodies.compression import compress_small
from checkpoints.bodies.encryption import Keyring
from checkpoints.records import Draft, JournalEntry, State
from checkpoints.stores.entry_bytes import (
    MAX_DATA,
    EntryName,
    after_prefix,
    damage_of,
    name_of,
    pack_entry,
    unpack_entry,
)
from checkpoints.stores.folder.store import FileStore
from checkpoints.stores.sqlite.store import SqliteStore
from checkpoints.testing import NOON, draft, entry, save_chain

KEYS = Keyring([("2026", b"k" * 32)])
SECRET = "the-secret-of-the-effect"


def sqlite(root: Path, keys: Keyring | None = None) -> SqliteStore:
    store = open_store(f"sqlite:///{root}/store.db", keys=keys)
    assert isinstance(store, SqliteStore)
    return store


def folder(root: Path, keys: Keyring | None = None) -> FileStore:
    store = open_store(f"file:///{root}", keys=keys)
    assert isinstance(store, FileStore)
    return store


def execute(root: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(root / "store.db", isolation_level=None)) as db:
        return db.execute(sql, values).fetchall()


def found(store: Store) -> list[JournalEntry]:
    return store.entries("agent-1", "main", kind="effect")


def everything_in(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


def flip(root: Path, key: str) -> None:
    """Flip one bit in the middle of an entry's body."""
    ((body,),) = execute(root, "SELECT body FROM entries WHERE key = ?", key)
    assert isinstance(body, bytes)
    altered = bytearray(body)
    altered[len(altered) // 2] ^= 1
    execute(root, "UPDATE entries SET body = ? WHERE key = ?", bytes(altered), key)


class TestBytes:
    @pytest.mark.parametrize("keys", [None, KEYS])
    def test_every_flipped_bit_is_noticed(self, keys: Keyring | None) -> None:
        name, checkpoint_id, body = pack_entry(entry("k", checkpoint_id="c1"), keys)
        for at in range(len(body) * 8):
            altered = bytearray(body)
            altered[at // 8] ^= 1 << at % 8
            assert damage_of(name, checkpoint_id, bytes(altered)) is not None
            with pytest.raises(CorruptCheckpoint, match="'k' of kind 'effect'"):
                unpack_entry(name, bytes(altered), keys)

    def test_a_body_is_read_under_its_own_names_alone(self) -> None:
        given = entry("k", agent_id="a", thread_id="bc")
        body = pack_entry(given).body
        for name in (EntryName("ab", "c", "effect", "k"), name_of(entry("l"))):
            with pytest.raises(CorruptCheckpoint):
                unpack_entry(name, body)

    @pytest.mark.parametrize("keys", [None, KEYS], ids=["open", "sealed"])
    def test_long_data_is_compressed_and_reads_back_exactly(self, keys: Keyring | None) -> None:
        text = " ".join(f"the {n}th mail was sent to the customer" for n in range(200))
        long = entry("long", data={"text": text, "raw": b"\x00\xff" * 500})
        packed = pack_entry(long, keys)
        assert len(packed.body) < len(text) / 5
        assert unpack_entry(name_of(long), packed.body, keys) == long

    def test_a_body_that_unpacks_to_more_than_an_entry_takes_is_refused(self) -> None:
        name = name_of(entry("bomb"))
        bomb = compress_small(b"\0" * (MAX_DATA + 1))
        payload = ormsgpack.packb([0, None, None, bomb, True])
        check = xxhash.xxh3_64_digest(ormsgpack.packb(list(name)) + payload)
        with pytest.raises(CorruptCheckpoint, match="claims a size"):
            unpack_entry(name, check + payload)

    def test_a_forged_body_ends_in_an_error_of_ours(self) -> None:
        for body in (b"", b"x", b"x" * 8, b"\0" * 64):
            with pytest.raises(CorruptCheckpoint):
                unpack_entry(name_of(entry("k")), body)

    @pytest.mark.parametrize("prefix", ["a", "a\ud7ff", "a\U0010ffff", "\uffff", "é", "\0"])
    def test_what_comes_after_a_prefix_is_the_least_such_text(self, prefix: str) -> None:
        end = after_prefix(prefix)
        assert end is not None
        assert prefix.encode() < (prefix + "\U0010ffff" * 9).encode() < end.encode()

    @pytest.mark.parametrize("prefix", ["", "\U0010ffff\U0010ffff"])
    def test_nothing_comes_after_the_last_prefix(self, prefix: str) -> None:
        assert after_prefix(prefix) is None


class TestSealed:
    @pytest.mark.parametrize("keys", [None, KEYS])
    def test_data_lies_open_only_without_keys(self, tmp_path: Path, keys: Keyring | None) -> None:
        store = sqlite(tmp_path, keys)
        store.record([entry("k", data={"answer": SECRET})])
        assert (SECRET.encode() in everything_in(tmp_path)) is (keys is None)
        assert found(sqlite(tmp_path, keys))[0].data == {"answer": SECRET}

    def test_without_the_key_an_entry_is_not_told(self, tmp_path: Path) -> None:
        sqlite(tmp_path, KEYS).record([entry("k", data={"answer": SECRET})])
        with pytest.raises(PermanentStoreError, match="'k' of kind 'effect'.*'2026'"):
            found(sqlite(tmp_path))
        assert list(sqlite(tmp_path).verify()) == []
        (finding,) = sqlite(tmp_path).verify_deep()
        assert finding.kind == "unopened"

    def test_a_changed_key_still_opens_old_entries(self, tmp_path: Path) -> None:
        sqlite(tmp_path, KEYS).record([entry("k", data={"n": 1})])
        both = Keyring([("2027", b"n" * 32), ("2026", b"k" * 32)])
        sqlite(tmp_path, both).record([entry("l", data={"n": 2})])
        assert [item.data["n"] for item in found(sqlite(tmp_path, both))] == [1, 2]

    def test_a_folder_with_keys_takes_no_entries(self, tmp_path: Path) -> None:
        store = folder(tmp_path / "store", KEYS)
        with pytest.raises(PermanentStoreError, match="never encrypted"):
            store.record([entry("k")])

    def test_a_folder_tells_entries_as_people_read_them(self, tmp_path: Path) -> None:
        folder(tmp_path).record([entry("k", data={"answer": SECRET})])
        assert f'"data":{{"answer":"{SECRET}"}}'.encode() in everything_in(tmp_path)


class TestDamage:
    def test_a_damaged_entry_is_named_and_put_into_quarantine(self, tmp_path: Path) -> None:
        store = sqlite(tmp_path)
        save_chain(store, 2)
        store.record([entry("a"), entry("b", checkpoint_id="c1"), entry("c")])
        flip(tmp_path, "b")
        with pytest.raises(CorruptCheckpoint, match="'b' of kind 'effect' in thread 'main'"):
            found(store)
        (finding,) = store.verify()
        assert (finding.kind, finding.thread_id) == ("corrupt_entry", "main")
        assert "'b'" in finding.message
        (moved,) = store.repair(now=NOON)
        assert (moved.kind, moved.checkpoint_id) == ("quarantined", "c1")
        assert [item.key for item in found(store)] == ["a", "c"]
        assert execute(tmp_path, "SELECT key FROM quarantined_entries") == [("b",)]
        assert list(store.verify()) == []

    @pytest.mark.parametrize("column", ["key", "kind", "thread_id", "agent_id", "checkpoint_id"])
    def test_an_entry_under_another_name_is_noticed(self, tmp_path: Path, column: str) -> None:
        store = sqlite(tmp_path)
        store.record([entry("k", checkpoint_id="c1")])
        execute(tmp_path, f"UPDATE entries SET {column} = 'other'")
        assert [finding.kind for finding in store.verify()] == ["corrupt_entry"]

    def test_a_salvage_carries_whole_entries_over(self, tmp_path: Path) -> None:
        store = sqlite(tmp_path)
        save_chain(store, 3)
        given = [entry(f"k{n:03}", data={"n": n, "pair": (1, b"2")}) for n in range(100)]
        store.record(given)
        flip(tmp_path, "k050")
        store.close()
        path = tmp_path / "store.db"
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        data = bytearray(path.read_bytes())
        data[:100] = b"\xff" * 100
        path.write_bytes(data)
        store = sqlite(tmp_path)
        assert store.repair(now=NOON)[0].kind == "salvaged"
        assert found(store) == [item for item in given if item.key != "k050"]

    def test_a_folder_does_not_guess_what_a_damaged_line_told(self, tmp_path: Path) -> None:
        store = folder(tmp_path)
        save_chain(store, 1)
        store.record([entry("a")])
        store.record([entry("b")])
        path = tmp_path / "journal.jsonl"
        path.write_bytes(path.read_bytes().replace(b'"key":"a"', b'"key":"x"'))
        store = folder(tmp_path)
        with pytest.raises(CorruptCheckpoint, match="line 3 .* `holdfast rebuild`"):
            found(store)
        assert [finding.kind for finding in store.verify()] == ["damaged_journal"]
        store.rebuild(now=NOON)
        assert [item.key for item in found(folder(tmp_path))] == ["b"]


class TestJournalOfAFolder:
    def test_entries_outlive_a_journal_written_anew(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("checkpoints.stores.folder.listing.LEAST_LINES", 5)
        store = folder(tmp_path)
        given = [entry("a", data={"pair": (1, b"2")}), entry("b", kind="group")]
        store.record(given)
        for number in range(60):
            store.record([entry("c", data={"n": number})], replace=True)
        assert len((tmp_path / "journal.jsonl").read_bytes().splitlines()) < 40
        other = folder(tmp_path)
        assert found(other) == [given[0], entry("c", data={"n": 59})]
        assert other.entries("agent-1", "main", kind="group") == [given[1]]

    def test_an_erased_thread_stays_erased_in_a_journal_written_anew(self, tmp_path: Path) -> None:
        store = folder(tmp_path)
        save_chain(store, 3)
        record = store.get("c2")
        store.set_head(record, expected="c3", now=NOON, operation_id="op-1", reason="r")
        store.record([entry("k", data={"answer": SECRET})])
        store.erase("agent-1", "main", now=NOON)
        store.rebuild(now=NOON)
        other = folder(tmp_path)
        assert (other.head("agent-1", "main"), found(other), list(other.verify())) == (None, [], [])
        assert {r.checkpoint_id for r in other.changes(None).removals} == {"c1", "c2", "c3"}


class TestErased:
    def test_nothing_of_what_is_erased_is_left_in_a_folder(self, tmp_path: Path) -> None:
        store = folder(tmp_path)
        save_chain(store, 2, metadata={"note": SECRET})
        store.record([entry("k", data={"answer": SECRET})])
        path = next(tmp_path.glob("*/*/c1.json"))
        path.write_bytes(b"damaged " + SECRET.encode())
        store.repair(now=NOON)
        assert SECRET.encode() in everything_in(tmp_path)
        store.erase("agent-1", "main", now=NOON)
        assert SECRET.encode() not in everything_in(tmp_path)

    @pytest.mark.parametrize("ids", [None, ["c1", "c2"]])
    def test_a_salvage_does_not_bring_back_what_was_erased(
        self, tmp_path: Path, ids: list[str] | None
    ) -> None:
        store = sqlite(tmp_path)
        save_chain(store, 2)
        store.record([entry("k", checkpoint_id="c2", data={"answer": SECRET})])
        save_chain(store, 1, thread_id="other", id="d1")
        store.erase("agent-1", "main", ids, now=NOON)
        store.close()
        path = tmp_path / "store.db"
        assert SECRET.encode() not in path.read_bytes()
        path.write_bytes(b"\xff" * 100 + path.read_bytes()[100:])
        store = sqlite(tmp_path)
        assert store.repair(now=NOON)[0].kind == "salvaged"
        assert [thread.thread_id for thread in store.threads()] == ["other"]
        assert found(store) == []

    def test_erasing_without_the_key_changes_nothing(self, tmp_path: Path) -> None:
        saved = sqlite(tmp_path, KEYS).put_many(_chain(1, 9), expected_head=None)
        with pytest.raises(PermanentStoreError, match="key"):
            sqlite(tmp_path).erase("agent-1", "main", ["c1", "c2"], now=NOON)
        store = sqlite(tmp_path, KEYS)
        assert len(store.history("agent-1", "main")) == 9
        assert store.erase("agent-1", "main", ["c1", "c2"], now=NOON) == 2
        assert [store.load(record) for record in saved[2:]] == [s for _, s in _chain(3, 9)]

    def test_a_whole_thread_is_erased_without_its_key(self, tmp_path: Path) -> None:
        save_chain(sqlite(tmp_path, KEYS), 60)
        assert sqlite(tmp_path).erase("agent-1", "main", now=NOON) == 60

    def test_positions_are_never_given_again(self, tmp_path: Path) -> None:
        store = sqlite(tmp_path)
        save_chain(store, 3)
        cursor = store.changes(None).cursor
        store.erase("agent-1", "main", now=NOON)
        save_chain(sqlite(tmp_path), 1, id="d1")
        changes = store.changes(cursor)
        assert ([c.id for c in changes.checkpoints], changes.reset) == (["d1"], False)


class TestTogether:
    def commits_of(self, store: SqliteStore, call: Callable[[], object]) -> int:
        """Return how many transactions of a store a call takes."""
        commits: list[str] = []
        with store._file.writing() as db:
            db.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
        commits.clear()
        call()
        return len(commits)

    def test_a_batch_is_one_transaction(self, tmp_path: Path) -> None:
        store = sqlite(tmp_path)
        store.put_many(_chain(1, 1), expected_head=None)
        chain = _chain(2, 40)
        assert self.commits_of(store, lambda: store.put_many(chain, expected_head="c1")) == 1

    def test_entries_given_at_once_are_one_transaction(self, tmp_path: Path) -> None:
        store = sqlite(tmp_path)
        given = [entry(f"k{n}") for n in range(50)]
        assert self.commits_of(store, lambda: store.record(given)) == 1

    def test_entries_and_saves_of_many_threads_are_all_kept(self, tmp_path: Path) -> None:
        store = sqlite(tmp_path)

        def work(number: int) -> None:
            for step in range(5):
                store.record([entry(f"{number}-{step}")])
                given = draft(step, id=f"{number}-{step}", thread_id=f"t{number}")
                before = f"{number}-{step - 1}" if step else None
                store.put(given, {"step": step}, expected_head=before)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found(store)) == 40
        assert sum(thread.checkpoints for thread in store.threads()) == 40
        assert list(store.verify()) == []

    def test_a_batch_whose_base_was_swept_is_written_anew(self, tmp_path: Path) -> None:
        store = sqlite(tmp_path)
        given = _chain(1, 39)
        saved = [
            store.put(*given[n], expected_head=given[n - 1][0].id if n else None) for n in range(15)
        ]
        other = sqlite(tmp_path)
        other.trash({record.id: "age" for record in saved[:-1]}, now=NOON)
        other.sweep(before=NOON + timedelta(days=1))
        records = store.put_many(given[15:], expected_head="c15")
        assert [other.load(record) for record in records] == [state for _, state in given[15:]]
        assert list(other.verify_deep()) == []


def _chain(first: int, last: int) -> list[tuple[Draft, State]]:
    """Return drafts whose states stand on each other: they share nearly all."""
    text = [f"step {n}" for n in range(400)]
    return [
        (draft(number, parent=f"c{number - 1}" if number > 1 else None), {"n": number, "log": text})
        for number in range(first, last + 1)
    ]
