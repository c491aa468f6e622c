"""Journals in Redis: damage, encryption, many entries, and what an erased thread leaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

try:
    import redis
except ImportError:
    pytest.skip("redis-py is missing", allow_module_level=True)

from checkpoints import CorruptCheckpoint
from checkpoints.bodies.encryption import Keyring
from checkpoints.records import JournalEntry
from checkpoints.stores.redis.store import RedisStore
from checkpoints.stores.urls import open_store
from checkpoints.testing import NOON, draft, entry, save_chain

LATER = NOON + timedelta(days=1)


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisStore]:
    opened = open_store(redis_url)
    assert isinstance(opened, RedisStore)
    yield opened
    opened.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    """A client that damages what it likes."""
    with redis.Redis.from_url(redis_url) as found:
        yield found


def effects(store: RedisStore) -> list[JournalEntry]:
    return store.entries("agent-1", "main", kind="effect")


def flip(client: Any, key: str) -> None:
    for name, kept in client.hgetall("{holdfast}:entries").items():
        if name.endswith(key.encode()):
            client.hset("{holdfast}:entries", name, kept[:-1] + bytes([kept[-1] ^ 1]))


def everything(client: Any, *but: str) -> bytes:
    """Return all that lies in the database, but for some keys."""
    found: list[bytes] = []
    for key in client.keys("*"):
        if key.decode().rpartition(":")[2] in but:
            continue
        if client.type(key) == b"hash":
            found += [part for both in client.hgetall(key).items() for part in both]
        else:
            found += client.zrange(key, 0, -1)
    return b"\n".join(found)


def test_a_damaged_entry_is_named_and_moved_away_with_its_bytes(
    store: RedisStore, client: Any
) -> None:
    store.record([entry("a"), entry("b", data={"n": 1}), entry("c")])
    flip(client, "b")
    with pytest.raises(CorruptCheckpoint, match="'b'"):
        effects(store)
    (finding,) = store.verify()
    assert (finding.kind, finding.thread_id, "'b'" in finding.message) == (
        "corrupt_entry",
        "main",
        True,
    )
    (moved,) = store.repair(now=NOON)
    assert moved.kind == "quarantined"
    assert [found.key for found in effects(store)] == ["a", "c"]
    assert list(store.verify()) == []
    assert store.erase("agent-1", "main", now=LATER) == 0
    assert client.hlen("{holdfast}:quarantine") == 0


def test_entries_that_are_not_listed_any_more_are_listed_again(
    store: RedisStore, client: Any
) -> None:
    store.record([entry("a"), entry("b")])
    client.delete("{holdfast}:journal")
    assert [finding.kind for finding in store.verify()] == ["lost_listing"]
    store.rebuild(now=NOON)
    assert [found.key for found in effects(store)] == ["a", "b"]
    assert list(store.verify()) == []


def test_more_entries_than_one_answer_holds_come_in_order(store: RedisStore) -> None:
    store.record([entry(f"{n:05d}") for n in range(1_203)])
    assert [found.key for found in effects(store)] == [f"{n:05d}" for n in range(1_203)]
    found = store.entries("agent-1", "main", kind="effect", limit=601)
    assert [one.key for one in found] == [f"{n:05d}" for n in range(602, 1_203)]


def test_what_lies_encrypted_is_not_readable_in_redis(
    redis_url: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_STORE_KEYS", f"2026:{Keyring.new_key()}")
    store = open_store(redis_url)
    assert isinstance(store, RedisStore)
    given = entry("a", data={"card": "4111-1111"})
    store.record([given])
    assert effects(store) == [given]
    assert b"effect" in everything(client)
    assert b"4111-1111" not in everything(client)


def test_an_erased_thread_leaves_its_names_and_what_was_told_of_it(
    store: RedisStore, client: Any
) -> None:
    for number in range(1, 201):
        parent = f"c{number - 1}" if number > 1 else None
        given = draft(number, parent=parent, metadata={"who": "a secret"})
        store.put(given, {"text": "a secret", "n": number}, expected_head=parent)
    store.pin(store.get("c9"), reason="a secret", now=NOON)
    store.trash({"c7": "a secret"}, now=NOON)
    store.record([entry("k", data={"what": "a secret"})])
    assert b"a secret" in everything(client, "events")
    assert store.erase("agent-1", "main", now=LATER) == 200
    assert b"a secret" not in everything(client, "events")
    assert client.zcard("{holdfast}:listed") == client.hlen("{holdfast}:frames") == 0
    assert list(store.verify()) == []


def test_what_stands_on_what_was_erased_meanwhile_is_saved_whole(redis_url: str) -> None:
    one, other = open_store(redis_url), open_store(redis_url)
    assert isinstance(one, RedisStore)
    assert isinstance(other, RedisStore)
    save_chain(one, 5)
    other.erase("agent-1", "main", ["c5", "c3"], now=LATER)
    batch = [(draft(n, parent=f"c{n - 1}"), {"log": list(range(n))}) for n in (6, 7)]
    one.put_many(batch, expected_head="c4")
    assert [other.load(other.get(f"c{n}"))["log"] for n in (6, 7)] == [
        list(range(6)),
        list(range(7)),
    ]
    assert list(other.verify_deep()) == []
