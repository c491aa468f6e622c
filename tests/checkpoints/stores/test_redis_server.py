"""The Redis store and its server: killed, full, restarted, replaced, forbidding."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

try:
    import redis
except ImportError:
    pytest.skip("redis-py is missing", allow_module_level=True)

from checkpoints import HeadMoved, PermanentStoreError, StoreError, TransientStoreError
from checkpoints.stores.redis import server as redis_server
from checkpoints.stores.redis.store import RedisStore
from checkpoints.stores.urls import open_store
from checkpoints.testing import NOON, draft, save_chain

if TYPE_CHECKING:
    from tests.services import RedisProcess


StartRedis = Callable[..., "RedisProcess"]
LATER = NOON + timedelta(days=400)


def _opened(url: str) -> RedisStore:
    store = open_store(url)
    assert isinstance(store, RedisStore)
    return store


def _save_until_it_is_done(store: RedisStore, number: int, parent: str | None) -> int:
    """Save, as often as it takes; return how often it had to be done again."""
    state = {"n": number, "body": os.urandom(20_000)}
    for again in range(500):
        try:
            store.put(draft(number, parent=parent), state, expected_head=parent)
        except TransientStoreError:
            continue
        return again
    raise AssertionError(f"c{number} could not be saved")


def _save_until_it_is_full(store: RedisStore) -> int:
    """Save until memory is full; return how many saves were acknowledged."""
    for number in range(1, 1000):
        parent = f"c{number - 1}" if number > 1 else None
        try:
            store.put(draft(number, parent=parent), {"x": os.urandom(50_000)}, expected_head=parent)
        except PermanentStoreError as error:
            if "no memory left" not in str(error):
                raise
            return number - 1
    raise AssertionError("memory was never full")


def test_a_connection_that_is_killed_between_two_saves_costs_nothing(
    start_redis: StartRedis,
) -> None:
    server = start_redis()
    store = _opened(server.url)
    save_chain(store, 1)
    server.client.client_kill_filter(_type="normal", skipme=True)
    store.put(draft(2, parent="c1"), {}, expected_head="c1")
    assert list(store.verify_deep()) == []
    store.close()


def test_connections_killed_in_the_middle_of_saves_lose_nothing_and_double_nothing(
    start_redis: StartRedis,
) -> None:
    server, stop = start_redis(), threading.Event()
    store = _opened(server.url)

    def kill() -> None:
        while not stop.wait(0.001):
            server.client.client_kill_filter(_type="normal", skipme=True)

    killer = threading.Thread(target=kill)
    killer.start()
    parents = [None, *(f"c{number}" for number in range(1, 300))]
    retried = sum(_save_until_it_is_done(store, n, p) for n, p in enumerate(parents, start=1))
    stop.set()
    killer.join()
    assert retried > 0
    assert [c.step for c in store.history("agent-1", "main")] == list(range(300, 0, -1))
    assert [c.step for c in store.changes(None).checkpoints] == list(range(1, 301))
    assert list(store.verify_deep()) == []
    store.close()


def test_what_was_acknowledged_outlives_a_kill_where_redis_appends_always(
    start_redis: StartRedis,
) -> None:
    server = start_redis("--appendonly", "yes", "--appendfsync", "always")
    store, acknowledged = _opened(server.url), 0
    threading.Timer(0.3, server.kill).start()
    parent = None
    while True:
        try:
            given = draft(acknowledged + 1, parent=parent)
            parent = store.put(given, {"n": acknowledged + 1}, expected_head=parent).id
            acknowledged += 1
        except TransientStoreError:
            break
    with pytest.raises(
        TransientStoreError, match=r"cannot be reached.*nothing was read, try again"
    ):
        store.get("c1")
    server.start()
    steps = [c.step for c in store.history("agent-1", "main")]
    assert steps[-acknowledged:] == list(range(acknowledged, 0, -1))
    assert len(steps) - acknowledged in (0, 1)
    assert list(store.verify_deep()) == []
    store.close()


def test_a_server_that_lost_its_last_saves_is_noticed_by_writers_and_readers(
    start_redis: StartRedis,
) -> None:
    server = start_redis()
    store = _opened(server.url)
    save_chain(store, 3)
    server.client.save()
    for number in (4, 5):
        store.put(draft(number, parent=f"c{number - 1}"), {}, expected_head=f"c{number - 1}")
    cursor = store.changes(None).cursor
    server.kill()
    server.start()
    with pytest.raises(HeadMoved) as caught:
        store.put(draft(6, parent="c5"), {}, expected_head="c5")
    assert caught.value.actual == "c3"
    for number, parent in ((14, "c3"), (15, "c14"), (16, "c15")):
        store.put(draft(number, parent=parent), {"log": list(range(99))}, expected_head=parent)
    changes = store.changes(cursor)
    assert changes.reset
    assert [c.step for c in changes.checkpoints] == [1, 2, 3, 14, 15, 16]
    assert list(store.verify_deep()) == []
    store.close()


def test_a_restart_that_lost_everything_is_noticed(start_redis: StartRedis) -> None:
    server = start_redis()
    store = _opened(server.url)
    save_chain(store, 2)
    server.kill()
    server.start()
    with pytest.raises(PermanentStoreError, match="emptied or replaced"):
        store.put(draft(3, parent="c2"), {}, expected_head="c2")
    assert server.client.dbsize() == 0
    store.close()


def test_full_memory_loses_nothing_and_can_be_made_room_in(start_redis: StartRedis) -> None:
    server = start_redis("--maxmemory", "6mb", "--maxmemory-policy", "noeviction")
    store = _opened(server.url)
    saved = _save_until_it_is_full(store)
    assert [c.step for c in store.history("agent-1", "main")] == list(range(saved, 0, -1))
    assert list(store.verify_deep()) == []
    assert store.trash({f"c{n}": "age" for n in range(1, saved)}, now=NOON)
    assert store.sweep(before=LATER) > 0
    again = draft(saved + 1, parent=f"c{saved}")
    store.put(again, {"body": os.urandom(50_000)}, expected_head=f"c{saved}")
    assert list(store.verify_deep()) == []
    store.close()


def test_doubts_follow_the_servers_settings(start_redis: StartRedis) -> None:
    server = start_redis("--appendonly", "yes", "--appendfsync", "always")
    store = _opened(server.url)
    assert store.capabilities.reasons.keys().isdisjoint({"durability", "eviction"})
    server.client.config_set("appendfsync", "everysec")
    assert "durability" not in store.capabilities.reasons
    server.client.config_set("appendfsync", "no")
    assert "power failure" in store.capabilities.reasons["durability"]
    server.client.config_set("maxmemory-policy", "allkeys-lru")
    assert "allkeys-lru" in store.capabilities.reasons["eviction"]
    store.close()


def test_doubts_are_read_from_info_where_settings_are_secret(start_redis: StartRedis) -> None:
    server = start_redis("--appendonly", "no", "--maxmemory-policy", "volatile-ttl")
    server.client.acl_setuser(
        "agent", enabled=True, passwords=["+hush"], keys=["*"], commands=["+@all", "-config"]
    )
    store = _opened(server.url.replace("//", "//agent:hush@"))
    assert "appendonly" in store.capabilities.reasons["durability"]
    assert "volatile-ttl" in store.capabilities.reasons["eviction"]
    server.client.acl_setuser("agent", enabled=True, commands=["-info"])
    server.client.client_kill_filter(_type="normal", skipme=True)
    assert "does not tell" in store.capabilities.reasons["durability"]
    save_chain(store, 2)
    assert store.head("agent-1", "main") is not None
    store.close()


def test_a_password_that_is_missing_or_wrong_is_said_so(start_redis: StartRedis) -> None:
    server = start_redis()
    server.client.config_set("requirepass", "hush")
    for given, said in (("", "wants a password"), (":wrong@", "refuses this user")):
        with pytest.raises(PermanentStoreError, match=said):
            save_chain(_opened(server.url.replace("//", f"//{given}")), 1)


def test_a_user_with_the_least_rights_can_save_and_read(start_redis: StartRedis) -> None:
    server = start_redis()
    server.client.acl_setuser(
        "agent",
        enabled=True,
        passwords=["+hush"],
        keys=["{shop}:*"],
        categories=["+@hash", "+@sortedset", "+@scripting"],
        commands=["+ping", "+exists", "+type", "+time", "+select"],
    )
    store = _opened(server.url.replace("//", "//agent:hush@") + "?prefix=shop&ttl=60")
    save_chain(store, 3)
    store.trash({"c1": "age"}, now=NOON)
    store.sweep(before=LATER)
    assert list(store.verify_deep()) == []
    assert store.capabilities.reasons.keys() >= {"durability", "eviction"}
    with pytest.raises(PermanentStoreError, match="forbids"):
        save_chain(_opened(server.url.replace("//", "//agent:hush@") + "?prefix=other"), 1)
    store.close()


def test_a_user_who_may_not_write_is_told_so(start_redis: StartRedis) -> None:
    server = start_redis()
    save_chain(_opened(server.url), 1)
    server.client.acl_setuser(
        "reader", enabled=True, passwords=["+hush"], keys=["*"], commands=["+@all", "-hset"]
    )
    store = _opened(server.url.replace("//", "//reader:hush@"))
    assert store.load(store.get("c1"))["step"] == 1
    with pytest.raises(PermanentStoreError, match="nothing was"):
        store.put(draft(2, parent="c1"), {}, expected_head="c1")
    assert [c.id for c in _opened(server.url).history("agent-1", "main")] == ["c1"]


def test_a_replica_is_read_and_takes_no_writes(start_redis: StartRedis) -> None:
    primary, replica = start_redis(), start_redis()
    save_chain(_opened(primary.url), 2)
    replica.client.replicaof("127.0.0.1", str(primary.port))
    _wait_for(lambda: replica.client.dbsize() > 0)
    store = _opened(replica.url)
    assert store.load(store.get("c2"))["step"] == 2
    assert len(store.changes(None).checkpoints) == 2
    with pytest.raises(PermanentStoreError, match="replica"):
        store.put(draft(3, parent="c2"), {}, expected_head="c2")
    store.close()


def test_a_primary_that_becomes_a_replica_is_worth_a_retry(start_redis: StartRedis) -> None:
    server, new = start_redis(), start_redis()
    store = _opened(server.url)
    save_chain(store, 2)
    server.client.replicaof("127.0.0.1", str(new.port))
    with pytest.raises((TransientStoreError), match=r"replica|loading|cannot be reached"):
        store.put(draft(3, parent="c2"), {}, expected_head="c2")
    store.close()


def test_a_server_that_does_not_answer_is_worth_a_retry(
    start_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_server, "ANSWER_SECONDS", 0.2)
    server = start_redis()
    store = _opened(server.url)
    save_chain(store, 1)
    server.suspend()
    with pytest.raises(TransientStoreError, match="the same save again"):
        store.put(draft(2, parent="c1"), {}, expected_head="c1")
    server.resume()
    store.put(draft(2, parent="c1"), {}, expected_head="c1")
    assert [c.id for c in store.history("agent-1", "main")] == ["c2", "c1"]
    store.close()


def test_somebodys_endless_script_is_worth_a_retry(start_redis: StartRedis) -> None:
    server = start_redis("--busy-reply-threshold", "50")
    store = _opened(server.url)
    save_chain(store, 1)
    endless = threading.Thread(target=_run_endlessly, args=(server.port,))
    endless.start()
    _wait_for(lambda: _is_busy(server))
    with pytest.raises(TransientStoreError, match="script"):
        store.put(draft(2, parent="c1"), {}, expected_head="c1")
    server.client.script_kill()
    endless.join()
    store.put(draft(2, parent="c1"), {}, expected_head="c1")
    store.close()


def _run_endlessly(port: int) -> None:
    with redis.Redis(port=port, socket_timeout=60) as client, pytest.raises(redis.ResponseError):
        client.eval("while true do end", 0)


def _is_busy(server: RedisProcess) -> bool:
    try:
        server.client.ping()
    except redis.ResponseError:
        return True
    return False


def test_a_disk_that_redis_cannot_write_to_is_said_so(start_redis: StartRedis) -> None:
    server = start_redis("--dbfilename", "folder.rdb")
    store = _opened(server.url)
    save_chain(store, 1)
    server.client.config_set("save", "3600 1")
    (server.folder / "folder.rdb").mkdir()
    server.client.bgsave()
    _wait_for(lambda: server.client.info("persistence")["rdb_last_bgsave_status"] == "err")
    with pytest.raises(PermanentStoreError, match="cannot write to its disk"):
        store.put(draft(2, parent="c1"), {}, expected_head="c1")
    assert [c.id for c in store.history("agent-1", "main")] == ["c1"]
    store.close()


def test_a_node_of_a_cluster_holds_a_store_whole(start_redis: StartRedis) -> None:
    server = start_redis("--cluster-enabled", "yes")
    cast(Any, server.client).execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    _wait_for(lambda: server.client.cluster("INFO")["cluster_state"] == "ok")
    store = _opened(server.url)
    save_chain(store, 40)
    store.trash({f"c{n}": "age" for n in range(1, 30)}, now=NOON)
    store.sweep(before=LATER)
    assert list(store.verify_deep()) == []
    store.close()


def test_a_node_of_a_cluster_that_does_not_hold_the_store_is_said_so(
    start_redis: StartRedis,
) -> None:
    server = start_redis("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no")
    slot = cast(Any, server.client).execute_command("CLUSTER", "KEYSLOT", "holdfast")
    other = 0 if slot else 1
    cast(Any, server.client).execute_command("CLUSTER", "ADDSLOTS", other)
    _wait_for(lambda: server.client.cluster("INFO")["cluster_state"] == "ok")
    with pytest.raises(StoreError, match="nothing was saved"):
        save_chain(_opened(server.url), 1)


def test_a_database_that_is_not_there_is_said_so(start_redis: StartRedis) -> None:
    server = start_redis("--databases", "1")
    with pytest.raises(PermanentStoreError, match="out of range"):
        save_chain(_opened(server.url.replace("/0", "/7")), 1)


def test_plain_text_where_tls_is_asked_for_is_refused(
    start_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_server, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(redis_server, "CONNECT_SECONDS", 0.2)
    server = start_redis()
    with pytest.raises(StoreError, match="rediss://"):
        save_chain(_opened(server.url.replace("redis://", "rediss://")), 1)


def test_a_certificate_that_is_trusted_is_accepted_and_no_other(
    start_redis: StartRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _certificate(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    files = ["--tls-cert-file", f"{tmp_path}/cert.pem", "--tls-key-file", f"{tmp_path}/key.pem"]
    start_redis("--tls-port", port, *files, "--tls-auth-clients", "no")
    url = f"rediss://localhost:{port}/0"
    with pytest.raises(PermanentStoreError, match="cannot be trusted"):
        save_chain(_opened(url), 1)
    monkeypatch.setenv("SSL_CERT_FILE", f"{tmp_path}/cert.pem")
    store = _opened(url)
    save_chain(store, 2)
    assert [c.id for c in store.history("agent-1", "main")] == ["c2", "c1"]
    store.close()


def _certificate(folder: Path) -> None:
    """Make a certificate for this machine that nobody trusts."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)


def test_nobody_there_is_worth_a_retry() -> None:
    with pytest.raises(TransientStoreError, match="cannot be reached"):
        list(_opened("redis://127.0.0.1:1/0").threads())


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("it did not happen within ten seconds")
