"""The Redis store: the published suite, and what can stand in its way on a shared server."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

try:
    import redis
except ImportError:
    pytest.skip("redis-py is missing", allow_module_level=True)

from checkpoints import (
    CorruptCheckpoint,
    HeadMoved,
    PermanentStoreError,
    Store,
    TransientStoreError,
)
from checkpoints.bodies.encryption import Keyring
from checkpoints.stores.redis.store import RedisStore, remove_scratch
from checkpoints.stores.urls import open_store as open_url
from checkpoints.testing import NOON, OpenStore, StoreSuite, draft, save_chain

Opened = Callable[..., RedisStore]


@pytest.fixture
def opened(redis_url: str) -> Iterator[Opened]:
    """Open stores in the test's database, and close them after it."""
    stores: list[RedisStore] = []

    def open_it(options: str = "", keys: Keyring | None = None) -> RedisStore:
        store = open_url(f"{redis_url}{options}", keys=keys)
        assert isinstance(store, RedisStore)
        stores.append(store)
        return store

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A client beside the store's own."""
    with redis.Redis.from_url(redis_url) as found:
        yield found


class TestRedisStore(StoreSuite):
    @pytest.fixture
    def open_store(self, opened: Opened) -> OpenStore:
        return opened


class TestEncryptedRedisStoreWithATtl(StoreSuite):
    @pytest.fixture
    def open_store(self, opened: Opened) -> OpenStore:
        keys = Keyring.from_text(f"one:{Keyring.new_key()}")
        return lambda: opened("?prefix=other&ttl=3600", keys)


def test_looking_creates_nothing(opened: Opened, client: redis.Redis) -> None:
    store = opened()
    assert list(store.threads()) == []
    assert store.head("agent-1", "main") is None
    assert (store.changes(None).checkpoints, store.pins()) == ((), [])
    assert (list(store.verify()), store.rebuild(now=NOON), store.repair(now=NOON)) == ([], 0, [])
    assert client.dbsize() == 0


def test_stores_with_other_prefixes_see_nothing_of_each_other(opened: Opened) -> None:
    save_chain(opened("?prefix=a"), 3)
    save_chain(opened("?prefix=b"), 1)
    assert len(opened("?prefix=a").history("agent-1", "main")) == 3
    assert len(opened("?prefix=b").history("agent-1", "main")) == 1
    assert list(opened().threads()) == []


def test_all_keys_of_a_store_lie_in_one_slot_of_a_cluster(
    opened: Opened, client: redis.Redis
) -> None:
    store = opened("?prefix=shop")
    save_chain(store, 20)
    store.trash({"c1": "age"}, now=NOON)
    assert {key.partition(b":")[0] for key in client.scan_iter()} == {b"{shop}"}


@pytest.mark.parametrize(
    "key", ["{holdfast}:meta", "{holdfast}:frames", "{holdfast}:order", "{holdfast}:ids"]
)
def test_keys_of_another_program_are_left_alone(
    opened: Opened, client: redis.Redis, key: str
) -> None:
    client.set(key, "theirs")
    with pytest.raises(PermanentStoreError, match=r"not of a Holdfast store.*prefix="):
        save_chain(opened(), 1)
    assert client.keys() == [key.encode()]
    assert client.get(key) == b"theirs"


@pytest.mark.parametrize("values", [{"id": "1"}, {"kind": "else", "format": "1", "id": "1"}])
def test_a_hash_of_another_program_is_left_alone(
    opened: Opened, client: redis.Redis, values: dict[str, str]
) -> None:
    client.hset("{holdfast}:meta", mapping=cast(Any, values))
    for act in (lambda: save_chain(opened(), 1), lambda: list(opened().threads())):
        with pytest.raises(PermanentStoreError, match="not of a Holdfast store"):
            act()
    assert client.keys() == [b"{holdfast}:meta"]


def test_a_newer_format_is_refused_and_left_alone(opened: Opened, client: redis.Redis) -> None:
    store = opened()
    save_chain(store, 1)
    client.hset("{holdfast}:meta", "format", 99)
    before = {key: client.dump(key) for key in client.scan_iter()}
    with pytest.raises(PermanentStoreError, match="format '99'"):
        opened().head("agent-1", "main")
    with pytest.raises(PermanentStoreError, match="format '99'"):
        save_chain(opened(), 1)
    with pytest.raises(PermanentStoreError, match="emptied or replaced"):
        store.put(draft(2, parent="c1"), {}, expected_head="c1")
    assert {key: client.dump(key) for key in client.scan_iter()} == before


@pytest.mark.parametrize("expected", [None, "c2"])
def test_a_store_that_was_flushed_between_two_saves_acknowledges_nothing_more(
    opened: Opened, client: redis.Redis, expected: str | None
) -> None:
    store = opened()
    save_chain(store, 2)
    client.flushdb()
    thread = "main" if expected else "other"
    with pytest.raises(PermanentStoreError, match="emptied or replaced"):
        store.put(draft(3, parent=expected, thread_id=thread), {}, expected_head=expected)
    assert client.dbsize() == 0
    with pytest.raises(HeadMoved):
        opened().put(draft(3, parent="c2"), {}, expected_head="c2")


def test_a_store_that_was_flushed_and_begun_anew_is_noticed(
    opened: Opened, client: redis.Redis
) -> None:
    store = opened()
    save_chain(store, 4)
    cursor = store.changes(None).cursor
    client.flushdb()
    save_chain(opened(), 4)
    with pytest.raises(PermanentStoreError, match="emptied or replaced"):
        store.put(draft(5, parent="c4"), {}, expected_head="c4")
    assert store.changes(cursor).reset


def test_half_a_store_takes_no_saves(opened: Opened, client: redis.Redis) -> None:
    store = opened()
    save_chain(store, 2)
    client.delete("{holdfast}:heads")
    with pytest.raises(CorruptCheckpoint, match="rebuild"):
        store.put(draft(3, parent="c2"), {}, expected_head="c2")
    with pytest.raises(CorruptCheckpoint, match="rebuild"):
        opened().put(draft(3), {}, expected_head=None)
    client.set("{holdfast}:log", "theirs")
    with pytest.raises(PermanentStoreError, match="'{holdfast}:log'"):
        opened().put(draft(9, thread_id="other"), {}, expected_head=None)
    assert opened().load(opened().get("c2"))["step"] == 2


def test_scripts_that_the_server_forgot_are_sent_again(opened: Opened, client: redis.Redis) -> None:
    store = opened()
    save_chain(store, 1)
    client.script_flush()
    store.put(draft(2, parent="c1"), {}, expected_head="c1")
    assert [c.id for c in store.history("agent-1", "main")] == ["c2", "c1"]


def test_a_save_is_one_round_trip(opened: Opened, client: redis.Redis) -> None:
    store = opened()
    save_chain(store, 1)
    before = _commands(client)
    store.put(draft(2, parent="c1"), {"n": 2}, expected_head="c1")
    assert {name: count - before.get(name, 0) for name, count in _commands(client).items()} == {
        **dict.fromkeys(before, 0),
        "evalsha": 1,
    }


def _commands(client: redis.Redis) -> dict[str, int]:
    """Return how often clients (not scripts) sent what may carry a save."""
    found = client.info("commandstats")
    sent = ("evalsha", "eval", "hscan", "ping", "script|load")
    return {name: int(found.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in sent}


def test_a_save_whose_answer_was_lost_is_done_once(redis_url: str, opened: Opened) -> None:
    save_chain(opened(), 1)
    with _Forgetful(redis_url) as proxy:
        store = open_url(proxy.url)
        assert isinstance(store, RedisStore)
        store.get("c1")
        proxy.forget_answers = True
        with pytest.raises(TransientStoreError, match="may have arrived"):
            store.put(draft(2, parent="c1"), {"n": 2}, expected_head="c1")
        proxy.forget_answers = False
        assert opened().head("agent-1", "main") is not None
        again = store.put(draft(2, parent="c1"), {"n": 2}, expected_head="c1")
        store.close()
    assert [c.id for c in opened().history("agent-1", "main")] == ["c2", "c1"]
    assert opened().get("c2") == again


class _Forgetful:
    """Passes on what is said to Redis, and drops connections instead of answers when told to."""

    def __init__(self, url: str) -> None:
        given = redis.Redis.from_url(url).get_connection_kwargs()
        self._to = (given["host"], given.get("port", 6379))
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}/{given.get('db', 0)}"
        self.forget_answers = False

    def __enter__(self) -> _Forgetful:
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                asking, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(asking,), daemon=True).start()

    def _serve(self, asking: socket.socket) -> None:
        with asking, socket.create_connection(self._to) as answering:
            while asked := asking.recv(1 << 20):
                answering.sendall(asked)
                answer = answering.recv(1 << 20)
                if self.forget_answers and b"EVALSHA" in asked and b"NOSCRIPT" not in answer:
                    return
                asking.sendall(answer)


def test_a_forked_process_has_connections_of_its_own(opened: Opened) -> None:
    store = opened()
    save_chain(store, 1)
    child = os.fork()
    if child == 0:
        store.put(draft(2, parent="c1"), {}, expected_head="c1")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert [c.id for c in store.history("agent-1", "main")] == ["c2", "c1"]
    store.put(draft(3, parent="c2"), {}, expected_head="c2")


def test_of_eight_processes_exactly_one_wins_each_head(redis_url: str, opened: Opened) -> None:
    save_chain(opened(), 1)
    children = [_child(redis_url, number) for number in range(8)]
    won = sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    history = opened().history("agent-1", "main")
    assert len(history) == won + 1
    assert won >= 40
    parents = [record.parent_id for record in history]
    assert len(set(parents)) == len(parents)
    assert list(opened().verify_deep()) == []
    assert [c.id for c in opened().changes(None, limit=1000).checkpoints] == [
        record.id for record in reversed(history)
    ]


def _child(url: str, number: int) -> int:
    """Fork a process that saves behind whatever the head is; it ends with the saves that won."""
    child = os.fork()
    if child:
        return child
    store, won = open_url(url), 0
    assert isinstance(store, Store)
    for turn in range(40):
        head = store.head("agent-1", "main")
        parent = head.checkpoint_id if head else None
        try:
            given = draft(number * 1000 + turn + 2, parent=parent)
            store.put(given, {"of": number, "log": list(range(300))}, expected_head=parent)
            won += 1
        except HeadMoved:
            continue
    os._exit(won)


def test_many_threads_save_into_one_store_at_once(opened: Opened) -> None:
    store = opened()

    def save(number: int) -> None:
        parent = None
        for step in range(10):
            given = draft(step, id=f"{number}-{step}", thread_id=str(number), parent=parent)
            parent = store.put(given, {"n": step, "of": number}, expected_head=parent).id

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, range(8)))
    assert sorted((t.thread_id, t.checkpoints) for t in store.threads()) == [
        (str(number), 10) for number in range(8)
    ]
    assert list(store.verify_deep()) == []


def test_saves_go_on_while_what_they_stand_on_is_swept(opened: Opened) -> None:
    store, sweeping, stop = opened(), opened(), threading.Event()
    save_chain(store, 1)

    def sweep() -> None:
        while not stop.is_set():
            head = sweeping.head("agent-1", "main")
            old = [c.id for c in sweeping.history("agent-1", "main")[3:]]
            assert head is not None
            sweeping.trash(dict.fromkeys(old, "age"), now=NOON)
            sweeping.sweep(before=NOON.replace(year=NOON.year + 1))

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    for number in range(2, 150):
        state = {"n": number, "log": list(range(3 * number))}
        store.put(draft(number, parent=f"c{number - 1}"), state, expected_head=f"c{number - 1}")
    stop.set()
    sweeper.join()
    assert list(store.verify_deep()) == []
    assert store.load(store.get("c149"))["n"] == 149


def test_what_stands_on_something_swept_loads_as_before(opened: Opened) -> None:
    store = opened()
    states = {f"c{n}": {"n": n, "text": "abc" * 400, "log": list(range(n))} for n in range(1, 61)}
    parent = None
    for number, (name, state) in enumerate(states.items(), start=1):
        parent = store.put(draft(number, id=name, parent=parent), state, expected_head=parent).id
    gone = {name: "age" for n, name in enumerate(states) if n % 3 != 2 and name != "c60"}
    store.trash(gone, now=NOON)
    store.sweep(before=NOON.replace(year=NOON.year + 1))
    fresh = opened()
    assert {c.id: fresh.load(c) for c in fresh.history("agent-1", "main")} == {
        name: state for name, state in states.items() if name not in gone
    }
    assert list(fresh.verify_deep()) == []


def test_a_frame_whose_base_is_another_checkpoint_by_now_is_written_whole(
    opened: Opened, client: redis.Redis
) -> None:
    store = opened()
    text = "".join(map(str, range(2000)))
    save_chain(store, 1)
    store.put(draft(2, parent="c1"), {"text": text}, expected_head="c1")
    client.hset("{holdfast}:places", 2, "1 other")
    store.put(draft(3, parent="c2"), {"text": f"{text}!"}, expected_head="c2")
    assert client.zscore("{holdfast}:bases", 3) is None
    assert opened().load(opened().get("c3")) == {"text": f"{text}!"}


def test_what_the_server_may_lose_is_said_and_logged_once(
    opened: Opened, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.config_get("appendonly")["appendonly"] == "no"
    store = opened()
    assert "appendonly" in store.capabilities.reasons["durability"]
    with caplog.at_level(logging.WARNING, "checkpoints.stores"):
        save_chain(store, 3)
    assert [r.getMessage() for r in caplog.records if "appendonly" in r.getMessage()] != []
    assert len([r for r in caplog.records if "appendonly" in r.getMessage()]) == 1


def test_another_key_reads_nothing_and_the_right_one_everything(opened: Opened) -> None:
    right = Keyring.from_text(f"one:{Keyring.new_key()}")
    save_chain(opened(keys=right), 3)
    wrong = opened(keys=Keyring.from_text(f"one:{Keyring.new_key()}"))
    with pytest.raises((CorruptCheckpoint, PermanentStoreError)):
        wrong.load(wrong.get("c3"))
    again = opened(keys=right)
    assert [again.load(again.get(f"c{n}"))["step"] for n in (1, 2, 3)] == [1, 2, 3]


def test_an_encrypted_state_is_not_to_be_found_in_redis(
    opened: Opened, client: redis.Redis
) -> None:
    keys = Keyring.from_text(f"one:{Keyring.new_key()}")
    opened(keys=keys).put(draft(1), {"secret": "correct horse"}, expected_head=None)
    assert not any(b"correct horse" in value for value in client.hvals("{holdfast}:frames"))


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ("?prefix=", "prefix"),
        ("?prefix={a}", "prefix"),
        ("?ttl=0", "ttl"),
        ("?ttl=-1", "ttl"),
        ("?ttl=soon", "ttl"),
        ("?ttl=", "ttl"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(options: str, wrong: str) -> None:
    with pytest.raises(PermanentStoreError, match=wrong):
        open_url(f"redis://127.0.0.1:6379/0{options}")


@pytest.mark.parametrize("url", ["redis://h:99999/0", "redis://h/zero", "redis://:pw@h:x/0"])
def test_an_address_that_makes_no_sense_is_named_without_its_password(url: str) -> None:
    with pytest.raises(PermanentStoreError) as caught:
        open_url(url)
    assert "pw" not in str(caught.value)


def test_a_password_shows_nowhere() -> None:
    store = open_url("redis://me:hush@127.0.0.1:1/0")
    with pytest.raises(TransientStoreError) as caught:
        list(store.threads())
    assert "hush" not in store.url + str(caught.value) + repr(vars(store)["_server"].name)


def test_a_missing_library_is_one_sentence_that_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "from checkpoints import PermanentStoreError, open_store\n"
        "try: open_store('redis://127.0.0.1/0')\n"
        "except PermanentStoreError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == (
        "a Redis store needs redis-py; install it with: pip install 'holdfast[redis]'\n"
    )


def test_only_a_store_that_was_made_for_a_trial_is_removed_whole(
    redis_url: str, opened: Opened, client: redis.Redis
) -> None:
    trial = f"{redis_url}?prefix=holdfast_selftest_00000000000000a1"
    save_chain(opened("?prefix=holdfast_selftest_00000000000000a1"), 3)
    save_chain(opened(), 1)
    with pytest.raises(PermanentStoreError, match="kept"):
        remove_scratch(redis_url)
    remove_scratch(trial)
    assert {key.partition(b":")[0] for key in client.scan_iter()} == {b"{holdfast}"}
