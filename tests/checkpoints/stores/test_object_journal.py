"""Journals in a bucket: what each costs, lost answers, damage, and what erasing leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from checkpoints import CorruptCheckpoint, TransientStoreError
from checkpoints.records import JournalEntry
from checkpoints.stores.objects import bucket as object_bucket
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects import store as objects
from checkpoints.stores.objects.store import ObjectStore
from checkpoints.stores.urls import parse_url
from checkpoints.testing import NOON, draft, entry, save_chain
from tests.proxies import Proxy, Request, proxy_to

Open = Callable[..., ObjectStore]
LATER = NOON + timedelta(days=1)


@pytest.fixture
def opened(s3_endpoint: str, s3_bucket: str) -> Open:
    def opened(endpoint: str = s3_endpoint) -> ObjectStore:
        return objects.open_url(parse_url(f"s3://{s3_bucket}/store?endpoint={endpoint}"))

    return opened


@pytest.fixture
def proxy(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setitem(object_bucket._RETRIES, "max_retries", 1)
    with proxy_to(s3_endpoint) as proxy:
        yield proxy


def is_entry(request: Request) -> bool:
    return request.method == "PUT" and "/entries/" in request.path


def effects(store: ObjectStore) -> list[JournalEntry]:
    return store.entries("agent-1", "main", kind="effect")


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [at.key for at in store._bucket.listed(prefix)]


def test_an_entry_is_one_request(opened: Open, proxy: Proxy) -> None:
    store = opened(proxy.url)
    store.record([entry("a")])
    proxy.requests.clear()
    store.record([entry("b")])
    assert [request.method for request in proxy.requests] == ["PUT"]


def test_one_entry_among_many_is_found_without_reading_the_others(
    opened: Open, proxy: Proxy
) -> None:
    opened().record([entry(f"mail-{n:03d}") for n in range(200)])
    store = opened(proxy.url)
    effects(store)
    proxy.requests.clear()
    (found,) = store.entries("agent-1", "main", kind="effect", prefix="mail-150")
    assert found.key == "mail-150"
    assert len(proxy.requests) == 2


def test_keys_that_are_long_and_alike_come_in_order(opened: Open) -> None:
    names = ["x" * n + end for n in (199, 200, 201, 700) for end in ("", "b", "a", "é")]
    opened().record([entry(name) for name in names])
    ordered = sorted(names, key=str.encode)
    assert [found.key for found in effects(opened())] == ordered
    for limit in range(1, len(names) + 1):
        found = opened().entries("agent-1", "main", kind="effect", limit=limit)
        assert [one.key for one in found] == ordered[-limit:]
    for prefix in ("x" * 199, "x" * 200, "x" * 201, "x" * 300):
        found = opened().entries("agent-1", "main", kind="effect", prefix=prefix, limit=5)
        wanted = [name for name in ordered if name.startswith(prefix)][-5:]
        assert [one.key for one in found] == wanted


@pytest.mark.parametrize("fault", ["swallow", "drop"])
def test_an_entry_whose_answer_is_lost_is_new_once(opened: Open, proxy: Proxy, fault: str) -> None:
    store = opened(proxy.url)
    store.record([entry("a")])
    proxy.once(fault, is_entry)
    assert store.record([entry("b")]) == 1
    assert store.record([entry("b")]) == 0


def test_of_entries_that_cannot_all_be_kept_none_stay(opened: Open, proxy: Proxy) -> None:
    store = opened(proxy.url)
    store.record([entry("a")])
    spelled = object_keys.spelled("c")
    proxy.rule = lambda at: "503" if is_entry(at) and spelled in at.path else None
    with pytest.raises(TransientStoreError):
        store.record([entry("b"), entry("c")])
    assert [found.key for found in effects(opened())] == ["a"]


def test_an_error_is_heard_of_once_nothing_is_under_way_any_more(opened: Open) -> None:
    """Else what is cleaned up after it could be written a moment later."""
    done: list[str] = []
    begun = threading.Event()

    def work(what: str) -> None:
        if what == "fails":
            begun.wait(10)
            raise TransientStoreError("down")
        begun.set()
        time.sleep(0.2)
        done.append(what)

    with pytest.raises(TransientStoreError):
        opened()._bucket.at_once(work, ["fails", "is slow"])
    assert done == ["is slow"]


def test_a_batch_that_is_cut_short_is_not_there_at_all(opened: Open, proxy: Proxy) -> None:
    store = opened(proxy.url)
    save_chain(store, 1)
    batch = [(draft(n, parent=f"c{n - 1}"), {"n": n}) for n in (2, 3, 4)]
    proxy.rule = lambda at: "503" if at.method == "PUT" and "/threads/" in at.path else None
    with pytest.raises(TransientStoreError):
        store.put_many(batch, expected_head="c1")
    assert [c.id for c in opened().history("agent-1", "main")] == ["c1"]
    proxy.rule = lambda _: None
    store.put_many(batch, expected_head="c1")
    assert [c.id for c in opened().history("agent-1", "main")] == ["c4", "c3", "c2", "c1"]
    assert list(opened().verify_deep()) == []


def test_a_damaged_entry_is_named_and_moved_away_with_its_bytes(opened: Open) -> None:
    store = opened()
    store.record([entry("a"), entry("b")])
    key = keys(store, object_keys.ENTRIES)[-1]
    data = bytearray(store._bucket.data(key) or b"")
    data[-1] ^= 1
    store._bucket.put(key, bytes(data))
    with pytest.raises(CorruptCheckpoint):
        effects(store)
    assert [finding.kind for finding in store.verify()] == ["corrupt_entry"]
    assert [moved.kind for moved in store.repair(now=NOON)] == ["quarantined"]
    assert [found.key for found in effects(store)] == ["a"]
    assert keys(store, object_keys.QUARANTINE) == [f"{object_keys.QUARANTINE}{key}"]
    store.erase("agent-1", "main", now=LATER)
    assert keys(store, object_keys.QUARANTINE) == []


def test_an_erased_thread_leaves_its_names_and_what_was_told_of_it(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkpoints.stores.objects.threads.TAIL_ITEMS", 4)
    store = opened()
    for number in range(1, 31):
        parent = f"c{number - 1}" if number > 1 else None
        given = draft(number, parent=parent, metadata={"who": "a secret"})
        store.put(given, {"text": "a secret", "n": number}, expected_head=parent)
    store.pin(store.get("c9"), reason="a secret", now=NOON)
    store.record([entry("k", data={"what": "a secret"})])
    assert store.erase("agent-1", "main", now=LATER) == 30
    contents = b"".join(store._bucket.data(key) or b"" for key in keys(store))
    assert b"a secret" not in contents
    assert keys(store, object_keys.FRAMES) == keys(store, object_keys.ENTRIES) == []
    assert list(store.verify()) == []
