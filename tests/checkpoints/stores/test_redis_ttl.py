"""Checkpoints that go after a while, and what they leave behind."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

try:
    import redis
except ImportError:
    pytest.skip("redis-py is missing", allow_module_level=True)

from checkpoints import TransientStoreError
from checkpoints.stores.redis import removing as redis_removing
from checkpoints.stores.redis.store import RedisStore
from checkpoints.stores.urls import open_store
from checkpoints.testing import NOON, draft

EXPIRY = "{holdfast}:expiry"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A client that turns back the hour at which checkpoints go."""
    with redis.Redis.from_url(redis_url) as found:
        yield found


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisStore]:
    """A store whose checkpoints go after an hour."""
    opened = open_store(f"{redis_url}?ttl=3600")
    assert isinstance(opened, RedisStore)
    yield opened
    opened.close()


def _save(store: RedisStore, *numbers: int, thread_id: str = "main") -> None:
    head = store.head("agent-1", thread_id)
    parent = head.checkpoint_id if head else None
    for number in numbers:
        state = {"n": number, "text": "and so on, " * 90, "log": list(range(number))}
        given = draft(number, parent=parent, thread_id=thread_id)
        parent = store.put(given, state, expected_head=parent).id


def _age(client: redis.Redis, *positions: int) -> None:
    """Let the hour of some checkpoints have come, and that of the next look."""
    client.zadd(EXPIRY, dict.fromkeys(map(str, positions), 1))
    client.hdel("{holdfast}:meta", "turn")


def _look(store: RedisStore) -> int:
    assert store._retention is not None
    return store._retention.run()


def test_nothing_goes_before_its_time(store: RedisStore, client: redis.Redis) -> None:
    _save(store, *range(1, 11))
    client.hdel("{holdfast}:meta", "turn")
    assert _look(store) == 0
    assert client.zcard(EXPIRY) == 10


def test_what_is_older_goes_and_what_stood_on_it_loads_as_before(
    store: RedisStore, client: redis.Redis
) -> None:
    _save(store, *range(1, 41))
    cursor = store.changes(None).cursor
    _age(client, *range(1, 26))
    assert _look(store) == 25
    loaded = {c.id: store.load(c)["n"] for c in store.history("agent-1", "main")}
    assert loaded == {f"c{n}": n for n in range(26, 41)}
    assert list(store.verify_deep()) == []
    assert {r.reason for r in store.changes(cursor).removals} == {
        "older than its ttl of 3600 seconds"
    }
    assert client.hlen("{holdfast}:frames") == 15
    _save(store, 41)
    assert list(store.verify_deep()) == []


def test_heads_and_pins_stay_and_are_looked_at_again_later(
    store: RedisStore, client: redis.Redis
) -> None:
    _save(store, 1, 2, 3)
    _save(store, 4, thread_id="other")
    store.pin(store.get("c1"), reason="golden", now=NOON)
    _age(client, 1, 2, 3, 4)
    assert _look(store) == 1
    assert {c.id for t in ("main", "other") for c in store.history(None, t)} == {"c1", "c3", "c4"}
    store.unpin(store.get("c1"))
    client.hdel("{holdfast}:meta", "turn")
    assert _look(store) == 0
    _age(client, 1)
    assert _look(store) == 1


def test_what_somebody_put_into_the_trash_waits_for_its_sweep(
    store: RedisStore, client: redis.Redis
) -> None:
    _save(store, 1, 2, 3)
    store.trash({"c1": "by hand"}, now=NOON)
    _age(client, 1, 2)
    assert _look(store) == 1
    assert store.untrash(["c1"]) == 1
    assert list(store.verify_deep()) == []


def test_what_was_saved_without_a_ttl_stays(redis_url: str, client: redis.Redis) -> None:
    without, later = open_store(redis_url), open_store(f"{redis_url}?ttl=60")
    assert isinstance(without, RedisStore)
    assert isinstance(later, RedisStore)
    _save(without, 1, 2)
    _save(later, 3, 4)
    assert client.zrange(EXPIRY, 0, -1) == [b"3", b"4"]
    _age(client, 3)
    assert _look(later) == 1
    assert [c.id for c in later.history(None, "main")] == ["c4", "c2", "c1"]
    without.close()
    later.close()


def test_of_all_that_save_one_looks_at_a_time(store: RedisStore, client: redis.Redis) -> None:
    _save(store, 1, 2, 3)
    _age(client, 1)
    client.hset("{holdfast}:meta", "turn", client.time()[0] + 100)
    assert _look(store) == 0
    client.hset("{holdfast}:meta", "turn", client.time()[0] + 10_000)
    assert _look(store) == 1


def test_what_is_pinned_just_then_stays_and_the_rest_is_looked_at_again(
    store: RedisStore, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    _save(store, 1, 2, 3)
    _age(client, 1, 2)
    removable = redis_removing.removable

    def pinned_after_all(*values: Any) -> Any:
        found = removable(*values)
        store.pin(store.get("c1"), reason="golden", now=NOON)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(redis_removing, "removable", pinned_after_all)
        assert _look(store) == 0
    assert len(store.history(None, "main")) == 3
    _age(client, 1, 2)
    assert _look(store) == 1
    assert [c.id for c in store.history(None, "main")] == ["c3", "c1"]


def test_removals_are_told_for_another_ttl_and_then_cost_nothing(
    store: RedisStore, client: redis.Redis
) -> None:
    _save(store, *range(1, 11))
    cursor = store.changes(None).cursor
    _age(client, *range(1, 10))
    assert _look(store) == 9
    assert len(store.changes(cursor).removals) == 9
    later = store.changes(cursor).cursor
    told = [str(field) for field in map(int, client.hkeys("{holdfast}:events"))]
    client.zadd(EXPIRY, {f"event {position}": 1 for position in told}, xx=True)
    client.hdel("{holdfast}:meta", "turn")
    assert _look(store) == 0
    assert client.hlen("{holdfast}:events") == 0
    assert (store.changes(cursor).reset, store.changes(later).reset) == (True, False)
    assert [c.id for c in store.changes(cursor).checkpoints] == ["c10"]
    assert not store.changes(None).reset
    assert list(store.verify_deep()) == []


def test_saving_removes_what_is_due(
    store: RedisStore, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    _save(store, 1, 2, 3)
    _age(client, 1, 2)
    monkeypatch.setattr(store._retention, "_next", 0.0)
    _save(store, 4)
    assert [c.id for c in store.history(None, "main")] == ["c4", "c3"]


def test_a_failure_to_remove_is_logged_and_fails_no_save(
    store: RedisStore,
    client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _save(store, 1, 2)
    _age(client, 1)
    monkeypatch.setattr(redis_removing, "removable", _lost)
    monkeypatch.setattr(store._retention, "_next", 0.0)
    with caplog.at_level(logging.WARNING, "checkpoints.stores"):
        _save(store, 9, thread_id="other")
    assert "ttl" in caplog.text
    assert store.get("c9").step == 9


def _lost(*_: object) -> None:
    raise TransientStoreError("the connection was lost")
