"""Journals, batches and erasing in PostgreSQL, among processes that write beside each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from checkpoints import CorruptCheckpoint, HeadMoved, PermanentStoreError, open_store
from checkpoints.bodies.encryption import Keyring
from checkpoints.records import JournalEntry
from checkpoints.stores.postgresql.store import PostgresqlStore
from checkpoints.testing import NOON, draft, entry, save_chain

KEYS = Keyring([("2026", b"k" * 32)])
Open = Callable[..., PostgresqlStore]


@pytest.fixture
def opened(postgresql_url: str) -> Iterator[Open]:
    stores: list[PostgresqlStore] = []

    def open_one(keys: Keyring | None = None) -> PostgresqlStore:
        store = open_store(postgresql_url, keys=keys)
        assert isinstance(store, PostgresqlStore)
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        store.close()


def execute(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("SET search_path = holdfast")
        cursor = db.execute(sql.encode(), values)
        return cursor.fetchall() if cursor.description else []


def found(store: PostgresqlStore) -> list[JournalEntry]:
    return store.entries("agent-1", "main", kind="effect")


def at_once(*works: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_entries_are_sealed_and_open_with_their_key(opened: Open, postgresql_url: str) -> None:
    opened(KEYS).record([entry("k", data={"answer": "the-secret"})])
    ((body,),) = execute(postgresql_url, "SELECT body FROM entries")
    assert b"the-secret" not in body
    assert found(opened(KEYS))[0].data == {"answer": "the-secret"}
    with pytest.raises(PermanentStoreError, match="'2026'"):
        found(opened())


def test_a_damaged_entry_is_named_and_put_into_quarantine(
    opened: Open, postgresql_url: str
) -> None:
    store = opened()
    store.record([entry("a"), entry("b"), entry("c")])
    flipped = "UPDATE entries SET body = set_byte(body, 9, get_byte(body, 9) # 1) WHERE key = 'b'"
    execute(postgresql_url, flipped)
    with pytest.raises(CorruptCheckpoint, match="'b' of kind 'effect'"):
        found(store)
    assert [finding.kind for finding in store.verify()] == ["corrupt_entry"]
    assert [finding.kind for finding in store.repair(now=NOON)] == ["quarantined"]
    assert [item.key for item in found(store)] == ["a", "c"]
    assert execute(postgresql_url, "SELECT key FROM quarantined_entries") == [("b",)]


def test_entries_that_share_their_first_characters_keep_their_order(opened: Open) -> None:
    long = "x" * 64
    names = [long, f"{long}\0", f"{long}a", f"{long}b", f"{long}é", "y"]
    store = opened()
    store.record([entry(name) for name in names[::-1]])
    assert [item.key for item in found(store)] == names
    chosen = store.entries("agent-1", "main", kind="effect", prefix=long, limit=2)
    assert [item.key for item in chosen] == names[3:5]


def test_those_who_record_the_same_keys_crosswise_all_come_through(opened: Open) -> None:
    given = [entry(f"k{n:02}") for n in range(40)]
    new: list[int] = []
    stores = [opened() for _ in range(4)]
    at_once(
        *(
            lambda store=store, order=order: new.append(store.record(given[::order]))
            for store, order in zip(stores, (1, -1, 1, -1), strict=True)
        )
    )
    assert (sum(new), len(found(stores[0]))) == (40, 40)


def test_of_those_who_replace_an_entry_at_once_one_stays(opened: Open) -> None:
    stores = [opened() for _ in range(4)]
    at_once(
        *(
            lambda store=store, n=n: store.record([entry("k", data={"n": n})], replace=True)
            for n, store in enumerate(stores)
        )
    )
    (kept,) = found(stores[0])
    assert kept.data["n"] in range(4)


def test_whoever_saves_while_a_thread_is_erased_wins_or_is_refused(opened: Open) -> None:
    saver, eraser = opened(), opened()
    save_chain(saver, 10)
    refused: list[HeadMoved] = []

    def save() -> None:
        for number in range(11, 5000):
            try:
                saver.put(
                    draft(number, parent=f"c{number - 1}"),
                    {"step": number},
                    expected_head=f"c{number - 1}",
                )
            except HeadMoved as error:
                refused.append(error)
                return

    at_once(save, lambda: eraser.erase("agent-1", "main", now=NOON))
    assert refused
    assert list(saver.verify()) == []
    assert eraser.head("agent-1", "main") is None
    save_chain(saver, 2)
    assert len(eraser.history("agent-1", "main")) == 2


def test_a_batch_goes_on_where_another_process_left_the_thread(opened: Open) -> None:
    text = ["same"] * 300
    chain = [
        (draft(n, parent=f"c{n - 1}" if n > 1 else None), {"n": n, "text": text})
        for n in range(1, 41)
    ]
    first, second = opened(), opened()
    first.put_many(chain[:13], expected_head=None)
    second.put_many(chain[13:27], expected_head="c13")
    with pytest.raises(HeadMoved):
        first.put_many(chain[27:], expected_head="c13")
    saved = first.put_many(chain[27:], expected_head="c27")
    assert [second.load(record)["n"] for record in saved] == list(range(28, 41))
    assert list(second.verify_deep()) == []
