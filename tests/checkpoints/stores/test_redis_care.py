"""Damage in a Redis store: named by verify, moved away by repair, listed anew by rebuild."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import cast

import pytest

try:
    import redis
except ImportError:
    pytest.skip("redis-py is missing", allow_module_level=True)

from checkpoints import CheckpointError, CorruptCheckpoint, PermanentStoreError
from checkpoints.bodies.encryption import Keyring
from checkpoints.stores.redis.store import RedisStore
from checkpoints.stores.urls import open_store
from checkpoints.testing import NOON, draft, save_chain

Damage = Callable[[redis.Redis], object]


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisStore]:
    """A store of forty checkpoints, in which frames stand on each other."""
    opened = open_store(redis_url)
    assert isinstance(opened, RedisStore)
    parent = None
    for number in range(1, 41):
        state = {"n": number, "text": "and so on, " * 90, "log": list(range(number))}
        parent = opened.put(draft(number, parent=parent), state, expected_head=parent).id
    yield opened
    opened.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A client that damages what it likes."""
    with redis.Redis.from_url(redis_url) as found:
        yield found


def _kinds(store: RedisStore) -> set[str]:
    return {finding.kind for finding in store.verify()}


def _loaded(store: RedisStore) -> dict[str, object]:
    return {c.id: store.load(c)["n"] for c in store.history("agent-1", "main")}


def test_a_damaged_frame_is_named_with_all_that_stands_on_it(
    store: RedisStore, client: redis.Redis
) -> None:
    _flip(client, "frames", 10)
    found = {f.checkpoint_id for f in store.verify()}
    readable = set()
    for record in store.history("agent-1", "main"):
        with contextlib.suppress(CorruptCheckpoint):
            store.load(record)
            readable.add(record.id)
    assert "c10" in found
    assert found == {f"c{n}" for n in range(1, 41)} - readable
    assert {f.checkpoint_id for f in store.verify_deep()} == found


def test_a_damaged_record_is_shown_as_damaged_and_the_list_goes_on(
    store: RedisStore, client: redis.Redis
) -> None:
    _flip(client, "records", 10)
    listed = store.history("agent-1", "main")
    assert [c.id for c in listed if c.damage] == ["c10"]
    assert len(listed) == 40
    assert len(store.changes(None).checkpoints) == 40
    with pytest.raises(CorruptCheckpoint, match="record is damaged"):
        store.plan_restore(store.get("c10"))
    assert [f.checkpoint_id for f in store.verify()] == ["c10"]


def test_a_damaged_head_is_named_and_made_anew(store: RedisStore, client: redis.Redis) -> None:
    _flip(client, "heads", 1)
    with pytest.raises(CorruptCheckpoint, match="rebuild"):
        store.head("agent-1", "main")
    with pytest.raises(CorruptCheckpoint, match="rebuild"):
        store.put(draft(41, parent="c40"), {}, expected_head="c40")
    assert [(f.kind, f.thread_id) for f in store.verify()] == [("damaged_head", "main")]
    assert store.rebuild(now=NOON) == 40
    head = store.head("agent-1", "main")
    assert head is not None
    assert (head.checkpoint_id, list(store.verify())) == ("c40", [])
    store.put(draft(41, parent="c40"), {}, expected_head="c40")


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lambda c: c.hdel("{holdfast}:frames", 7), "corrupt_checkpoint"),
        (lambda c: c.hdel("{holdfast}:records", 7), "corrupt_checkpoint"),
        (lambda c: c.hdel("{holdfast}:places", 7), "corrupt_checkpoint"),
        (lambda c: c.hset("{holdfast}:places", 7, "rubbish"), "corrupt_checkpoint"),
        (lambda c: c.zadd("{holdfast}:bases", {"7": 3}), "corrupt_checkpoint"),
        (lambda c: c.zadd("{holdfast}:bases", {"7": 9999}), "corrupt_checkpoint"),
        (lambda c: c.hdel("{holdfast}:ids", "c7"), "lost_listing"),
        (lambda c: c.delete("{holdfast}:listed"), "lost_listing"),
        (lambda c: c.hset("{holdfast}:counts", 1, 3), "wrong_count"),
        (lambda c: c.hset("{holdfast}:counts", 1, "many"), "wrong_count"),
        (lambda c: c.hdel("{holdfast}:heads", 1), "damaged_head"),
        (lambda c: c.delete("{holdfast}:lines"), "lost_thread"),
        (lambda c: c.delete("{holdfast}:order"), "lost_thread"),
        (lambda c: c.hset("{holdfast}:pins", "c99", b"\x92\xa1x\x01"), "dangling_pin"),
    ],
)
def test_each_kind_of_damage_is_found(
    store: RedisStore, client: redis.Redis, damage: Damage, kind: str
) -> None:
    damage(client)
    deep = {finding.kind for finding in store.verify_deep()}
    assert kind in deep


@pytest.mark.parametrize("name", ["ids", "listed", "counts", "lines", "order", "named", "threads"])
def test_every_list_is_made_anew_from_the_checkpoints(
    store: RedisStore, client: redis.Redis, name: str
) -> None:
    store.trash({"c3": "age"}, now=NOON)
    before = _loaded(store)
    client.delete(f"{{holdfast}}:{name}")
    assert store.rebuild(now=NOON) == 39
    assert list(store.verify_deep()) == []
    assert _loaded(store) == before
    assert [(t.thread_id, t.checkpoints, t.head_id) for t in store.threads()] == [
        ("main", 39, "c40")
    ]
    assert store.history(None, "main", limit=1)[0].id == "c40"
    assert store.untrash(["c3"]) == 1
    store.put(draft(41, parent="c40"), {"n": 41}, expected_head="c40")


def test_places_that_are_lost_are_found_again_by_name(
    store: RedisStore, client: redis.Redis
) -> None:
    before = _loaded(store)
    client.delete("{holdfast}:places")
    assert {f.kind for f in store.verify()} >= {"corrupt_checkpoint"}
    assert store.rebuild(now=NOON) == 40
    assert list(store.verify_deep()) == []
    assert _loaded(store) == before


def test_repair_moves_what_cannot_be_read_away_and_tells_of_it(
    store: RedisStore, client: redis.Redis
) -> None:
    cursor = store.changes(None).cursor
    damaged = _flip(client, "frames", 10)
    lost = [f.checkpoint_id for f in store.verify()]
    moved = store.repair(now=NOON)
    assert [f.checkpoint_id for f in moved] == lost
    assert {f.kind for f in moved} == {"quarantined"}
    assert [f for f in store.verify_deep() if f.kind != "dangling_head"] == []
    assert [r.checkpoint_id for r in store.changes(cursor).removals] == lost
    assert client.hget("{holdfast}:quarantine", "10:frame") == damaged
    assert set(_loaded(store)) == {f"c{n}" for n in range(1, 41)} - set(lost)
    assert store.repair(now=NOON) == []


def test_a_record_that_was_moved_away_leaves_its_frame_to_nobody(
    store: RedisStore, client: redis.Redis
) -> None:
    _flip(client, "records", 40)
    assert [f.checkpoint_id for f in store.repair(now=NOON)] == ["c40"]
    assert _kinds(store) == {"dangling_head"}
    store.set_head(store.get("c39"), expected="c40", now=NOON)
    store.put(draft(41, parent="c39"), {"n": 41}, expected_head="c39")
    assert list(store.verify_deep()) == []


def test_whatever_byte_of_whatever_value_is_damaged_nothing_else_is_loaded(
    store: RedisStore, client: redis.Redis
) -> None:
    chance = random.Random(7)
    before = _loaded(store)
    for name in ("frames", "records", "heads", "places", "ids"):
        key = f"{{holdfast}}:{name}"
        for field in chance.sample(sorted(client.hkeys(key)), min(8, client.hlen(key))):
            kept = _value(client, name, field)
            damaged = bytearray(kept)
            damaged[chance.randrange(len(kept))] ^= 1 << chance.randrange(8)
            client.hset(key, field, bytes(damaged))
            for number in (1, 9, 20, 40):
                _same_or_an_error(store, f"c{number}", before[f"c{number}"])
            assert list(store.verify()) != []
            client.hset(key, field, kept)
    assert list(store.verify_deep()) == []


def _same_or_an_error(store: RedisStore, name: str, value: object) -> None:
    try:
        found = store.load(store.get(name))["n"]
    except CheckpointError:
        return
    assert found == value


def test_a_whole_chain_of_small_checkpoints_verifies(redis_url: str) -> None:
    opened = open_store(f"{redis_url}?prefix=small")
    assert isinstance(opened, RedisStore)
    save_chain(opened, 300)
    opened.trash({f"c{n}": "age" for n in range(1, 200)}, now=NOON)
    assert opened.sweep(before=NOON.replace(year=NOON.year + 1)) > 0
    assert list(opened.verify_deep()) == []
    assert len(opened.history("agent-1", "main")) == 101
    opened.close()


@pytest.mark.parametrize(
    "given", [None, Keyring([("k", b"2" * 32)])], ids=["no key", "another key of that name"]
)
def test_a_sweep_without_the_key_deletes_nothing_that_something_stands_on(
    redis_url: str, given: Keyring | None
) -> None:
    key = Keyring([("k", b"1" * 32)])
    with contextlib.closing(cast(RedisStore, open_store(redis_url, keys=key))) as store:
        for n in range(1, 5):
            state = {"n": n, "log": [f"line {line} of what was said" for line in range(400)]}
            parent = f"c{n - 1}" if n > 1 else None
            store.put(draft(n, parent=parent), state, expected_head=parent)
        store.trash({"c1": "age"}, now=NOON)
        other = cast(RedisStore, open_store(redis_url, keys=given))
        with contextlib.closing(other), pytest.raises(PermanentStoreError, match="key 'k'"):
            other.sweep(before=NOON + timedelta(days=1))
        assert store.untrash(["c1"]) == 1
        assert [store.load(store.get(f"c{n}"))["n"] for n in range(1, 5)] == [1, 2, 3, 4]


def _flip(client: redis.Redis, name: str, field: int) -> bytes:
    """Flip a bit in the middle of a value; return the damaged value."""
    data = bytearray(_value(client, name, field))
    data[len(data) // 2] ^= 1
    client.hset(f"{{holdfast}}:{name}", field, bytes(data))
    return bytes(data)


def _value(client: redis.Redis, name: str, field: int | str | bytes) -> bytes:
    found = client.hget(f"{{holdfast}}:{name}", cast(str, field))
    assert isinstance(found, bytes)
    return found
