"""The store in a bucket, over HTTP, and what can go wrong between it and its server."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import cast

import pytest

from checkpoints import (
    CorruptCheckpoint,
    HeadMoved,
    PermanentStoreError,
    PlanRefused,
    TransientStoreError,
    open_store,
)
from checkpoints.bodies.encryption import Keyring
from checkpoints.stores.objects import bucket as object_bucket
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects import moves as object_moves
from checkpoints.stores.objects import store as objects
from checkpoints.stores.objects import threads as object_threads
from checkpoints.stores.objects.store import ObjectStore
from checkpoints.stores.urls import parse_url
from checkpoints.testing import NOON, OpenStore, StoreSuite, draft, save_chain
from tests.proxies import Proxy, Request, proxy_to

Open = Callable[..., ObjectStore]
LATER = NOON + timedelta(days=1)


@pytest.fixture
def opened(s3_endpoint: str, s3_bucket: str) -> Open:
    def opened(endpoint: str = s3_endpoint, prefix: str = "deep/store") -> ObjectStore:
        url = f"s3://{s3_bucket}/{prefix}?endpoint={endpoint}"
        return objects.open_url(parse_url(url))

    return opened


@pytest.fixture
def proxy(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setitem(object_bucket._RETRIES, "max_retries", 1)
    with proxy_to(s3_endpoint) as proxy:
        yield proxy


class TestObjectStore(StoreSuite):
    @pytest.fixture
    def open_store(self, opened: Open) -> OpenStore:
        return opened


class TestObjectStoreOfShortPages(StoreSuite):
    """The same where nearly every item of a log lies in a page of its own."""

    @pytest.fixture
    def open_store(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> OpenStore:
        monkeypatch.setattr(object_threads, "TAIL_ITEMS", 2)
        return opened


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_threads, "TAIL_ITEMS", 16)


def is_frame(request: Request) -> bool:
    return request.method == "PUT" and "/frames/" in request.path


def is_head(request: Request) -> bool:
    return request.method == "PUT" and "/threads/" in request.path


def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [at.key for at in store._bucket.listed(prefix)]


def thread_key(store: ObjectStore) -> str:
    (key,) = keys(store, object_keys.THREADS)
    return key


def frame_key(store: ObjectStore, checkpoint_id: str) -> str:
    (key,) = keys(store, object_keys.frames_of(checkpoint_id))
    return key


def damage(store: ObjectStore, key: str) -> None:
    data = bytearray(store._bucket.data(key) or b"")
    data[-1] ^= 1
    store._bucket.put(key, bytes(data))


class TestCost:
    def test_a_save_sends_three_requests_of_which_two_at_once(
        self, opened: Open, proxy: Proxy
    ) -> None:
        store = opened(proxy.url)
        save_chain(store, 3)
        proxy.requests.clear()
        store.put(draft(4, parent="c3"), {"step": 4}, expected_head="c3")
        assert sorted(at.method for at in proxy.requests) == ["GET", "PUT", "PUT"]
        assert is_head(proxy.requests[-1])

    def test_a_long_listing_reads_pages_and_no_frames(
        self, opened: Open, proxy: Proxy, short_pages: None
    ) -> None:
        save_chain(opened(), 40)
        store = opened(proxy.url)
        assert len(store.history("agent-1", "main")) == 40
        assert len(proxy.requests) == 4
        assert not any("/frames/" in at.path for at in proxy.requests)

    def test_the_newest_few_are_listed_from_one_object(
        self, opened: Open, proxy: Proxy, short_pages: None
    ) -> None:
        save_chain(opened(), 20)
        store = opened(proxy.url)
        assert [c.id for c in store.history("agent-1", "main", limit=3)] == ["c20", "c19", "c18"]
        assert len(proxy.requests) == 2

    def test_asking_for_changes_reads_only_threads_that_changed(
        self, opened: Open, proxy: Proxy
    ) -> None:
        store = opened()
        for number in range(1, 6):
            store.put(draft(number, thread_id=f"t{number}"), {}, expected_head=None)
        cursor = store.changes(None).cursor
        store.put(draft(9, thread_id="t3", parent="c3"), {}, expected_head="c3")
        watching = opened(proxy.url)
        assert [c.id for c in watching.changes(cursor).checkpoints] == ["c9"]
        assert len([at for at in proxy.requests if "/threads/" in at.path]) == 1


class TestAnswersThatAreLost:
    @pytest.mark.parametrize("fault", ["swallow", "drop"])
    @pytest.mark.parametrize("wanted", [is_frame, is_head])
    def test_a_save_whose_answer_is_lost_is_kept_once(
        self, opened: Open, proxy: Proxy, fault: str, wanted: Callable[[Request], bool]
    ) -> None:
        store = opened(proxy.url)
        save_chain(store, 2)
        proxy.once(fault, wanted)
        store.put(draft(3, parent="c2"), {"step": 3}, expected_head="c2")
        store.put(draft(4, parent="c3"), {"step": 4}, expected_head="c3")
        other = opened()
        assert [c.id for c in other.history("agent-1", "main")] == ["c4", "c3", "c2", "c1"]
        assert other.load(other.get("c3")) == {"step": 3}
        head = other.head("agent-1", "main")
        assert head is not None
        assert head.version == 4
        assert list(other.verify_deep()) == []

    @pytest.mark.parametrize("fault", ["swallow", "drop", "503"])
    def test_a_save_that_is_never_answered_can_be_made_again(
        self, opened: Open, proxy: Proxy, fault: str
    ) -> None:
        store = opened(proxy.url)
        save_chain(store, 2)
        proxy.times(1000, fault, lambda at: at.method == "PUT")
        with pytest.raises(TransientStoreError, match="Save it again with the same id"):
            store.put(draft(3, parent="c2"), {"step": 3}, expected_head="c2")
        proxy.rule = lambda _: None
        store.put(draft(3, parent="c2"), {"step": 3}, expected_head="c2")
        assert [c.id for c in opened().history("agent-1", "main")] == ["c3", "c2", "c1"]
        assert list(opened().verify_deep()) == []

    def test_a_restore_whose_answer_is_lost_moves_once(self, opened: Open, proxy: Proxy) -> None:
        store = opened(proxy.url)
        save_chain(store, 3)
        proxy.once("swallow", is_head)
        head = store.set_head(store.get("c1"), expected="c3", now=NOON, operation_id="op-1")
        assert (head.checkpoint_id, head.version) == ("c1", 4)
        assert opened().head("agent-1", "main") == head

    def test_a_removal_whose_answer_is_lost_is_told_once(self, opened: Open, proxy: Proxy) -> None:
        store = opened(proxy.url)
        save_chain(store, 3)
        proxy.once("swallow", is_head)
        store.trash({"c1": "age"}, now=NOON)
        assert [r.checkpoint_id for r in opened().changes(None).removals] == ["c1"]

    def test_a_server_that_is_busy_for_a_moment_is_asked_again(
        self, opened: Open, proxy: Proxy
    ) -> None:
        store = opened(proxy.url)
        proxy.once("503", is_head)
        save_chain(store, 2)
        assert len(opened().history("agent-1", "main")) == 2

    def test_a_server_that_stays_busy_is_worth_a_retry(self, opened: Open, proxy: Proxy) -> None:
        store = opened(proxy.url)
        proxy.times(1000, "503", lambda at: at.method == "GET")
        with pytest.raises(TransientStoreError, match=r"503 \(SlowDown\)"):
            list(store.threads())

    def test_a_server_that_never_answers_is_not_waited_for_for_ever(
        self, opened: Open, proxy: Proxy
    ) -> None:
        store = opened(f"{proxy.url}&timeout=1")
        save_chain(store, 1)
        proxy.rule = lambda _: "hang"
        with pytest.raises(TransientStoreError, match="not known whether this save arrived"):
            store.put(draft(2, parent="c1"), {}, expected_head="c1")

    def test_a_server_that_is_not_there_is_worth_a_retry(self, opened: Open, proxy: Proxy) -> None:
        with pytest.raises(TransientStoreError, match="does not answer"):
            save_chain(opened("http://127.0.0.1:9"), 1)

    @pytest.mark.parametrize("seconds", ["0", "-1", "much", "1.5", "3601", ""])
    def test_how_long_a_request_may_take_is_a_number_of_seconds(self, seconds: str) -> None:
        with pytest.raises(PermanentStoreError, match="a number of seconds"):
            open_store(f"gs://bucket/x?timeout={seconds}")


class TestServersThatIgnoreConditions:
    @pytest.mark.parametrize("method", ["PUT", "once"])
    def test_it_is_refused_before_anything_is_saved(
        self, opened: Open, proxy: Proxy, method: str
    ) -> None:
        allowed = iter(range(2)) if method == "once" else iter(())
        proxy.rule = lambda at: (
            "unconditional" if at.conditional and next(allowed, None) is None else None
        )
        with pytest.raises(PermanentStoreError, match="ignores conditional writes; nothing was"):
            save_chain(opened(proxy.url), 1)
        assert keys(opened(), "") == []


class TestWhatAServerRefuses:
    def test_a_bucket_that_is_not_there_is_named(self, s3_endpoint: str) -> None:
        store = cast(ObjectStore, open_store(f"s3://nowhere-at-all/x?endpoint={s3_endpoint}"))
        for attempt in (lambda: save_chain(store, 1), lambda: list(store.threads())):
            with pytest.raises(PermanentStoreError, match="there is no such bucket; create it"):
                attempt()

    def test_what_is_forbidden_says_where_credentials_come_from(
        self, opened: Open, proxy: Proxy
    ) -> None:
        proxy.rule = lambda _: "403"
        with pytest.raises(PermanentStoreError, match="AWS_ACCESS_KEY_ID"):
            save_chain(opened(proxy.url), 1)

    def test_credentials_in_a_url_are_refused_and_not_repeated(self) -> None:
        with pytest.raises(PermanentStoreError, match="do not belong into the URL") as caught:
            open_store("s3://key:secret@bucket/x")
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("endpoint", ["nonsense", "ftp://host", "http://me:secret@host"])
    def test_an_endpoint_that_is_none_is_refused(self, endpoint: str) -> None:
        with pytest.raises(PermanentStoreError, match="must be an address like") as caught:
            open_store(f"s3://bucket/x?endpoint={endpoint}")
        assert "secret" not in str(caught.value)

    def test_an_account_that_is_not_named_is_asked_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
        with pytest.raises(PermanentStoreError, match="AZURE_STORAGE_ACCOUNT_NAME"):
            save_chain(cast(ObjectStore, open_store("az://container/x")), 1)

    def test_an_object_of_another_program_is_left_alone(self, opened: Open) -> None:
        store = opened()
        store._bucket.put(object_keys.STORE, b"theirs")
        with pytest.raises(PermanentStoreError, match="another program's"):
            save_chain(store, 1)
        assert store._bucket.data(object_keys.STORE) == b"theirs"

    @pytest.mark.parametrize("which", ["store", "thread"])
    def test_a_newer_format_is_refused_and_left_alone(self, opened: Open, which: str) -> None:
        store = opened()
        save_chain(store, 1)
        key = object_keys.STORE if which == "store" else thread_key(store)
        data = bytearray(store._bucket.data(key) or b"")
        data[3] = 9
        store._bucket.put(key, bytes(data))
        other = opened()
        for attempt in (
            lambda: list(other.threads()),
            lambda: save_chain(other, 1),
            lambda: other.rebuild(now=NOON),
        ):
            with pytest.raises(PermanentStoreError, match="format 9"):
                attempt()
        assert store._bucket.data(key) == bytes(data)

    def test_looking_creates_nothing(self, opened: Open) -> None:
        store = opened()
        assert list(store.threads()) == []
        assert store.changes(None).checkpoints == ()
        assert list(store.verify()) == []
        assert keys(store, "") == []

    def test_stores_under_prefixes_that_begin_alike_are_kept_apart(self, opened: Open) -> None:
        save_chain(opened(prefix="a"), 1)
        assert list(opened(prefix="ab").threads()) == []
        assert list(opened(prefix="").threads()) == []


class TestCrashes:
    def test_a_save_that_ends_between_frame_and_head_is_not_listed_and_swept(
        self, opened: Open, proxy: Proxy
    ) -> None:
        store = opened(proxy.url)
        save_chain(store, 2)
        proxy.times(1000, "drop", is_head)
        with pytest.raises(TransientStoreError):
            store.put(draft(3, parent="c2"), {"lost": 1}, expected_head="c2")
        other = opened()
        assert [c.id for c in other.history("agent-1", "main")] == ["c2", "c1"]
        assert list(other.verify_deep()) == []
        other.put(draft(4, parent="c2"), {"kept": 1}, expected_head="c2")
        assert len(keys(other, object_keys.FRAMES)) == 4
        assert other.sweep(before=NOON) == 0
        assert keys(other, object_keys.frames_of("c3")) == []
        assert [c.id for c in other.history("agent-1", "main")] == ["c4", "c2", "c1"]
        assert list(other.verify_deep()) == []

    def test_a_frame_that_may_still_be_named_is_not_swept(self, opened: Open, proxy: Proxy) -> None:
        store = opened(proxy.url)
        save_chain(store, 2)
        swept: list[int] = []

        def rule(at: Request) -> None:
            if is_head(at) and not swept:
                swept.append(opened().sweep(before=NOON))

        proxy.rule = rule
        store.put(draft(3, parent="c2"), {"step": 3}, expected_head="c2")
        assert swept == [0]
        assert list(opened().verify_deep()) == []

    def test_a_save_after_its_base_was_swept_stands_on_nothing_that_went(
        self, opened: Open
    ) -> None:
        big = {"log": ["x" * 100 for _ in range(100)]}
        store = opened()
        store.put(draft(1), {**big, "n": 1}, expected_head=None)
        store.put(draft(2, parent="c1"), {**big, "n": 2}, expected_head="c1")
        other = opened()
        other.set_head(other.get("c1"), expected="c2", now=NOON)
        other.trash({"c2": "age"}, now=NOON)
        other.sweep(before=LATER)
        with pytest.raises(HeadMoved):
            store.put(draft(3, parent="c2"), {**big, "n": 3}, expected_head="c2")
        store.put(draft(4, parent="c1"), {**big, "n": 4}, expected_head="c1")
        assert opened().load(opened().get("c4"))["n"] == 4
        assert list(opened().verify_deep()) == []

    def test_a_sweep_that_ends_before_it_deletes_is_finished_by_the_next(
        self, opened: Open, proxy: Proxy
    ) -> None:
        store = opened(proxy.url)
        big = {"log": ["x" * 100 for _ in range(100)]}
        for n in range(1, 5):
            parent = f"c{n - 1}" if n > 1 else None
            store.put(draft(n, parent=parent), {**big, "n": n}, expected_head=parent)
        store.trash({"c1": "age", "c2": "age"}, now=NOON)
        proxy.times(1000, "drop", lambda at: at.method in {"POST", "DELETE"})
        with pytest.raises(TransientStoreError):
            store.sweep(before=LATER)
        other = opened()
        assert [other.load(c)["n"] for c in other.history("agent-1", "main")] == [4, 3]
        assert len(keys(other, object_keys.FRAMES)) == 5
        other.sweep(before=LATER)
        assert len(keys(other, object_keys.FRAMES)) == 2
        assert list(other.verify_deep()) == []


_RACER = """
import sys
from checkpoints import HeadMoved, open_store
from checkpoints.testing import draft
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store, won = open_store(url), 0
while won < count:
    head = store.head("agent-1", "main")
    before = head.checkpoint_id if head else None
    given = draft(won, id=f"{name}-{won}", parent=before)
    try:
        store.put(given, {"by": name, "n": won, "pad": "x" * 2000}, expected_head=before)
    except HeadMoved:
        continue
    won += 1
"""


class TestSeveralWriters:
    def test_two_processes_that_race_lose_nothing(
        self, opened: Open, s3_endpoint: str, s3_bucket: str
    ) -> None:
        url = f"s3://{s3_bucket}/deep/store?endpoint={s3_endpoint}"
        command = [sys.executable, "-c", _RACER, url]
        racers = [subprocess.Popen([*command, name, "15"]) for name in ("a", "b")]
        assert [racer.wait(timeout=120) for racer in racers] == [0, 0]
        store = opened()
        records = store.history("agent-1", "main")
        assert len(records) == 30
        assert all(r.parent_id == p.id for r, p in pairwise(records))
        assert len(store.changes(None).checkpoints) == 30
        assert list(store.verify_deep()) == []

    def test_a_reader_of_changes_misses_nothing_while_others_save(
        self, opened: Open, short_pages: None
    ) -> None:
        def write(thread: str) -> None:
            store, before = opened(), None
            for number in range(25):
                given = draft(number, id=f"{thread}-{number}", thread_id=thread, parent=before)
                before = store.put(given, {"n": number}, expected_head=before).id

        writers = [threading.Thread(target=write, args=(name,)) for name in "abc"]
        for writer in writers:
            writer.start()
        seen: list[str] = []
        cursor, ended = None, False
        while not ended:
            ended = not any(writer.is_alive() for writer in writers)
            page = opened().changes(cursor, limit=7)
            while True:
                seen += [record.id for record in page.checkpoints]
                cursor = page.cursor
                if page.complete:
                    break
                page = opened().changes(cursor, limit=7)
        assert sorted(seen) == sorted(f"{name}-{n}" for name in "abc" for n in range(25))
        for name in "abc":
            assert [i for i in seen if i[0] == name] == [f"{name}-{n}" for n in range(25)]

    def test_many_threads_of_one_store_save_at_once(self, opened: Open) -> None:
        store = opened()

        def write(number: int) -> None:
            before = None
            for step in range(3):
                given = draft(step, id=f"{number}-{step}", thread_id=str(number), parent=before)
                before = store.put(given, {"n": step}, expected_head=before).id

        with ThreadPoolExecutor(24) as pool:
            list(pool.map(write, range(24)))
        assert [thread.checkpoints for thread in opened().threads()] == [3] * 24
        assert list(opened().verify_deep()) == []

    def test_another_write_to_the_thread_between_does_not_fail_a_save(self, opened: Open) -> None:
        store, other = opened(), opened()
        save_chain(store, 2)
        other.pin(other.get("c1"), reason="golden", now=NOON)
        store.put(draft(3, parent="c2"), {"step": 3}, expected_head="c2")
        assert len(keys(store, object_keys.FRAMES)) == 3
        assert [pin.checkpoint_id for pin in store.pins()] == ["c1"]
        assert list(store.verify_deep()) == []

    def test_an_id_is_saved_once_in_all_threads(self, opened: Open) -> None:
        save_chain(opened(), 1)
        with pytest.raises(PlanRefused, match="already saved"):
            opened().put(draft(1, thread_id="other"), {"step": 1}, expected_head=None)
        assert [t.thread_id for t in opened().threads()] == ["main"]
        assert len(keys(opened(), object_keys.FRAMES)) == 1

    def test_a_save_is_known_again_however_long_ago_it_was(
        self, opened: Open, short_pages: None
    ) -> None:
        saved = save_chain(opened(), 20)
        state = {"step": 5, "log": list(range(5))}
        assert opened().put(draft(5, parent="c4"), state, expected_head="c4") == saved[4]

    def test_an_operation_is_remembered_however_many_came_after(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(object_moves, "MOVES", 4)
        store = opened()
        save_chain(store, 2)
        first = store.set_head(store.get("c1"), expected="c2", now=NOON, operation_id="op-0")
        for number in range(1, 12):
            target, expected = ("c2", "c1") if number % 2 else ("c1", "c2")
            store.set_head(
                store.get(target), expected=expected, now=NOON, operation_id=f"op-{number}"
            )
        head = store.head("agent-1", "main")
        again = store.set_head(store.get("c1"), expected="c2", now=NOON, operation_id="op-0")
        assert again == first
        assert store.head("agent-1", "main") == head

    def test_a_removal_from_several_threads_is_refused_as_a_whole(self, opened: Open) -> None:
        store = opened()
        save_chain(store, 2)
        store.put(draft(9, thread_id="other"), {}, expected_head=None)
        with pytest.raises(PlanRefused):
            store.trash({"c1": "age", "c9": "age"}, now=NOON)
        assert [thread.checkpoints for thread in store.threads()] == [1, 2]

    def test_a_removal_that_is_refused_half_way_is_taken_back(
        self, opened: Open, proxy: Proxy
    ) -> None:
        store, other = opened(proxy.url), opened()
        for name in ("a", "b"):
            for number in (1, 2):
                parent = f"{name}1" if number == 2 else None
                given = draft(number, id=f"{name}{number}", thread_id=name, parent=parent)
                store.put(given, {"n": number}, expected_head=parent)
        written: list[str] = []

        def rule(at: Request) -> None:
            if is_head(at) and not written:
                written.append(at.path)
                first = at.path.rpartition("/threads/")[2].partition("/")[0]
                last = "b1" if first == object_keys.hashed("a") else "a1"
                other.pin(other.get(last), reason="golden", now=NOON)

        proxy.rule = rule
        with pytest.raises(PlanRefused):
            store.trash({"a1": "age", "b1": "age"}, now=NOON)
        assert [thread.checkpoints for thread in store.threads()] == [2, 2]
        assert list(store.verify()) == []


class TestDamage:
    @pytest.mark.parametrize("how", ["deleted", "altered", "another's"])
    def test_a_lost_frame_is_named_and_never_loads(self, opened: Open, how: str) -> None:
        store = opened()
        save_chain(store, 3)
        key = frame_key(store, "c2")
        if how == "deleted":
            store._bucket.delete([key])
        elif how == "altered":
            damage(store, key)
        else:
            store._bucket.put(key, store._bucket.data(frame_key(store, "c1")) or b"")
        assert [(f.kind, f.checkpoint_id) for f in store.verify()] == [("corrupt_checkpoint", "c2")]
        with pytest.raises(CorruptCheckpoint, match="c2"):
            store.load(store.get("c2", thread_id="main"))
        (moved,) = store.repair(now=NOON)
        assert (moved.kind, moved.checkpoint_id) == ("quarantined", "c2")
        assert [c.id for c in store.history("agent-1", "main")] == ["c3", "c1"]
        assert [r.checkpoint_id for r in opened().changes(None).removals] == ["c2"]
        assert len(keys(store, object_keys.QUARANTINE)) == (how != "deleted")
        assert list(store.verify_deep()) == []

    def test_what_stands_on_a_lost_frame_is_lost_with_it_and_named(self, opened: Open) -> None:
        store = opened()
        big = {"log": ["x" * 100 for _ in range(100)]}
        store.put(draft(1), {**big, "n": 1}, expected_head=None)
        store.put(draft(2, parent="c1"), {**big, "n": 2}, expected_head="c1")
        damage(store, frame_key(store, "c1"))
        assert [f.checkpoint_id for f in store.verify()] == ["c1", "c2"]

    @pytest.mark.parametrize("how", ["deleted", "altered"])
    def test_a_lost_thread_is_remade_from_its_frames(
        self, opened: Open, how: str, short_pages: None
    ) -> None:
        store = opened()
        saved = save_chain(store, 20)
        cursor = store.changes(None).cursor
        key = thread_key(store)
        damage(store, key)
        if how == "deleted":
            store._bucket.delete([key])
        assert [f.kind for f in store.verify()] == [
            "lost_thread" if how == "deleted" else "damaged_thread"
        ]
        assert opened().rebuild(now=NOON) == 20
        other = opened()
        assert other.history("agent-1", "main") == saved[::-1]
        assert [t.head_id for t in other.changes(cursor, limit=1000).threads] == ["c20"]
        assert other.load(saved[10])["step"] == 11
        other.put(draft(21, parent="c20"), {}, expected_head="c20")
        assert list(other.verify_deep()) == []

    @pytest.mark.parametrize("how", ["deleted", "altered"])
    def test_a_lost_page_is_remade_from_its_frames(
        self, opened: Open, how: str, short_pages: None
    ) -> None:
        store = opened()
        saved = save_chain(store, 20)
        (key,) = keys(store, object_keys.PAGES)
        damage(store, key)
        if how == "deleted":
            store._bucket.delete([key])
        other = opened()
        assert [f.kind for f in other.verify()] == ["damaged_thread"]
        assert [f.kind for f in other.changes(None).findings] == ["damaged_thread"]
        with pytest.raises(CorruptCheckpoint, match="holdfast rebuild"):
            other.history("agent-1", "main")
        other.sweep(before=LATER)
        assert other.rebuild(now=NOON) == 20
        assert opened().history("agent-1", "main") == saved[::-1]
        assert list(opened().verify_deep()) == []

    def test_a_rebuild_of_a_whole_store_changes_nothing(self, opened: Open) -> None:
        store = opened()
        save_chain(store, 3)
        store.trash({"c1": "age"}, now=NOON)
        before = store._bucket.data(thread_key(store))
        assert store.rebuild(now=NOON) == 2
        assert store._bucket.data(thread_key(store)) == before

    @pytest.mark.parametrize("how", ["deleted", "altered"])
    def test_a_store_that_lost_its_id_is_mended(self, opened: Open, how: str) -> None:
        save_chain(opened(), 2)
        store = opened()
        damage(store, object_keys.STORE)
        if how == "deleted":
            store._bucket.delete([object_keys.STORE])
        assert [f.kind for f in opened().verify()] == ["lost_store"]
        assert opened().rebuild(now=NOON) == 2
        assert list(opened().verify()) == []
        assert len(list(opened().threads())) == 1


class TestEncryption:
    def test_states_are_read_with_the_key_alone(self, opened: Open) -> None:
        plain = opened()
        mine, theirs = (Keyring.from_text(f"{n}:{Keyring.new_key()}") for n in "ab")
        store = ObjectStore(plain._bucket, mine)
        store.put(draft(1), {"secret": "swordfish"}, expected_head=None)
        assert store.load(store.get("c1")) == {"secret": "swordfish"}
        data = store._bucket.data(frame_key(store, "c1")) or b""
        assert b"swordfish" not in data
        other = ObjectStore(plain._bucket, theirs)
        with pytest.raises(PermanentStoreError):
            other.load(other.get("c1"))
        assert list(other.verify()) == []

    @pytest.mark.parametrize(
        "given",
        [None, Keyring([("k", b"2" * 32)]), Keyring([("other", b"1" * 32)])],
        ids=["no key", "another key of that name", "the key under another name"],
    )
    def test_a_sweep_without_the_key_takes_away_nothing(
        self, opened: Open, given: Keyring | None
    ) -> None:
        plain = opened()
        store = ObjectStore(plain._bucket, Keyring([("k", b"1" * 32)]))
        big = {"log": [f"line {n} of what was said" for n in range(400)]}
        store.put(draft(1), {**big, "n": 1}, expected_head=None)
        store.put(draft(2, parent="c1"), {**big, "n": 2}, expected_head="c1")
        store.trash({"c1": "age"}, now=NOON)
        with pytest.raises(PermanentStoreError, match="key 'k'"):
            ObjectStore(plain._bucket, given).sweep(before=LATER)
        assert store.untrash(["c1"]) == 1
        assert [store.load(store.get(name))["n"] for name in ("c1", "c2")] == [1, 2]


def test_what_is_being_written_has_arrived_when_a_store_is_closed(opened: Open) -> None:
    bucket = opened()._bucket
    begun, go_on = threading.Event(), threading.Event()

    def write() -> None:
        begun.set()
        go_on.wait()
        bucket.put("late", b"1")

    writing = bucket.start(write)
    begun.wait()
    threading.Timer(0.2, go_on.set).start()
    bucket.close()
    assert writing.done()
    assert opened()._bucket.data("late") == b"1"


def test_a_forked_process_is_told_that_it_cannot_go_on(opened: Open) -> None:
    store = opened()
    save_chain(store, 1)
    script = """
import os, sys
from checkpoints import PermanentStoreError, open_store
store = open_store(sys.argv[1])
list(store.threads())
child = os.fork()
if child == 0:
    try:
        open_store(sys.argv[1]).head("agent-1", "main")
    except PermanentStoreError as error:
        os._exit(7 if "fork" in str(error) else 1)
    os._exit(2)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    command = [sys.executable, "-c", script, store.url]
    assert subprocess.run(command, timeout=60, check=False).returncode == 7
