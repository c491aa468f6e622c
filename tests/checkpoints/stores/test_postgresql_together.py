"""Several processes at one PostgreSQL store."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest

from checkpoints import CheckpointNotFound, HeadMoved, PlanRefused, open_store
from checkpoints.stores.postgresql import rows as postgresql_rows
from checkpoints.stores.postgresql.rows import QuickSave, _settled
from checkpoints.stores.postgresql.store import PostgresqlStore
from checkpoints.stores.sql import removing
from checkpoints.testing import NOON, draft, save_chain

Open = Callable[[], PostgresqlStore]
SAVER = """
import sys
from checkpoints import HeadMoved, open_store
from checkpoints.testing import draft

url, name, thread, count = sys.argv[1:]
store = open_store(url)
saved, number = 0, 0
print("ready", flush=True)
sys.stdin.readline()
while saved < int(count):
    number += 1
    head = store.head("agent-1", thread)
    parent = head.checkpoint_id if head else None
    given = draft(number, id=f"{name}-{number}", thread_id=thread, parent=parent)
    try:
        store.put(given, {"name": name, "number": number}, expected_head=parent)
    except HeadMoved:
        continue
    saved += 1
"""


@pytest.fixture
def opened(postgresql_url: str) -> Iterator[Open]:
    """Opens stores over an empty database."""
    stores: list[PostgresqlStore] = []

    def open_one() -> PostgresqlStore:
        store = open_store(postgresql_url)
        assert isinstance(store, PostgresqlStore)
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        store.close()


class _Savers:
    """Processes that begin to save when they are told to."""

    def __init__(self, url: str, threads: list[str], count: int) -> None:
        self._running = [
            subprocess.Popen(
                [sys.executable, "-c", SAVER, url, f"p{number}", thread, str(count)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number, thread in enumerate(threads)
        ]
        for process in self._running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"

    def start(self) -> None:
        for process in self._running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def are_running(self) -> bool:
        return any(process.poll() is None for process in self._running)

    def finish(self) -> None:
        for process in self._running:
            process.communicate(timeout=120)
            assert process.returncode == 0


def test_processes_save_to_threads_of_their_own_and_every_save_is_told_once(
    opened: Open, postgresql_url: str
) -> None:
    savers = _Savers(postgresql_url, [f"t{n}" for n in range(8)], 25)
    store, told = opened(), list[str]()
    savers.start()
    cursor: str | None = None
    while True:
        last = not savers.are_running()
        changes = store.changes(cursor, limit=7)
        told += [record.id for record in changes.checkpoints]
        cursor = changes.cursor
        if last and changes.complete:
            break
    savers.finish()
    assert sorted(told) == sorted(f"p{n}-{m}" for n in range(8) for m in range(1, 26))
    assert list(store.verify_deep()) == []


def test_processes_that_save_to_one_thread_win_its_head_one_at_a_time(
    opened: Open, postgresql_url: str
) -> None:
    savers = _Savers(postgresql_url, ["main"] * 8, 5)
    savers.start()
    savers.finish()
    records = opened().history("agent-1", "main")
    assert [record.parent_id for record in records] == [*[r.id for r in records[1:]], None]
    assert len(records) == 40
    head = opened().head("agent-1", "main")
    assert head is not None
    assert (head.checkpoint_id, head.version) == (records[0].id, 40)
    assert list(opened().verify_deep()) == []


def test_a_save_that_commits_late_is_told_and_nothing_behind_it_is_told_before(
    opened: Open, postgresql_url: str
) -> None:
    slow, quick, reader = opened(), opened(), opened()
    save_chain(slow, 2)
    save_chain(quick, 1, id="q1", thread_id="quick")
    cursor = reader.changes(None).cursor
    with psycopg.connect(postgresql_url) as other:
        other.execute("SELECT 1 FROM holdfast.threads WHERE thread_id = 'main' FOR UPDATE")
        late = threading.Thread(
            target=slow.put,
            args=(draft(3, parent="c2"), {"n": 3}),
            kwargs={"expected_head": "c2"},
        )
        late.start()
        _wait_for_a_lock(postgresql_url)
        quick.put(draft(2, id="q2", thread_id="quick", parent="q1"), {"n": 2}, expected_head="q1")
        between = reader.changes(cursor)
        assert between.checkpoints == ()
        assert [c.id for c in reader.history("agent-1", "quick")] == ["q2", "q1"]
    late.join()
    after = reader.changes(between.cursor)
    assert [record.id for record in after.checkpoints] == ["c3", "q2"]
    assert after.complete
    assert reader.changes(after.cursor).checkpoints == ()


def test_a_removal_that_commits_late_is_told(opened: Open) -> None:
    mine, reader = opened(), opened()
    save_chain(mine, 3)
    cursor = reader.changes(None).cursor
    with mine._sessions.writing(alone=False) as db:
        removing.trash(db, {"c1": "old"}, NOON)
        opened().put(draft(9, thread_id="other"), {}, expected_head=None)
        assert reader.changes(cursor).checkpoints == ()
    changes = reader.changes(cursor)
    assert [removal.checkpoint_id for removal in changes.removals] == ["c1"]
    assert [record.id for record in changes.checkpoints] == ["c9"]


@pytest.mark.parametrize(
    ("last", "held", "settled"),
    [
        (10, [], 10),
        (10, [7, 9], 7),
        (10, [12], 10),
        ((1 << 30) + 5, [3], (1 << 30) + 3),
        ((1 << 30) + 5, [(1 << 30) - 2], (1 << 30) - 2),
        ((1 << 30) - 1, [1], (1 << 30) - 1),
    ],
)
def test_nothing_behind_the_oldest_hold_is_settled(
    last: int, held: list[int], settled: int
) -> None:
    assert _settled(last, held) == settled


def test_saves_of_other_threads_do_not_wait_for_one_that_does(
    opened: Open, postgresql_url: str
) -> None:
    slow, quick = opened(), opened()
    save_chain(slow, 1)
    with psycopg.connect(postgresql_url) as other:
        other.execute("SELECT 1 FROM holdfast.threads WHERE thread_id = 'main' FOR UPDATE")
        late = threading.Thread(
            target=slow.put, args=(draft(2, parent="c1"), {}), kwargs={"expected_head": "c1"}
        )
        late.start()
        _wait_for_a_lock(postgresql_url)
        save_chain(quick, 1, id="q1", thread_id="quick")
        quick.put(draft(2, id="q2", thread_id="quick", parent="q1"), {}, expected_head="q1")
        assert late.is_alive()
    late.join()


def test_threads_of_one_process_share_a_statement(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, sizes = opened(), list[int]()
    for number in range(16):
        store.put(draft(1, id=f"{number}", thread_id=f"{number}"), {}, expected_head=None)
    keep = postgresql_rows.save_quickly

    def counted(db: postgresql_rows.Db, saves: list[QuickSave]) -> dict[QuickSave, int]:
        sizes.append(len(saves))
        if len(sizes) == 1:
            time.sleep(0.5)
        return keep(db, saves)

    monkeypatch.setattr(postgresql_rows, "save_quickly", counted)

    def save(name: str) -> None:
        given = draft(2, id=f"{name}.", thread_id=name, parent=name)
        store.put(given, {"name": name}, expected_head=name)

    _at_once([partial(save, f"{n}") for n in range(16)])
    assert sum(sizes) == 16
    assert len(sizes) < 8
    assert {store.load(store.get(f"{n}."))["name"] for n in range(16)} == set(map(str, range(16)))


def test_one_refused_save_refuses_no_other_of_its_group(opened: Open) -> None:
    store = opened()
    names = [f"{n}" for n in range(12)]
    for name in names:
        store.put(draft(1, id=name, thread_id=name), {}, expected_head=None)
    other = opened()
    other.put(draft(2, id="first", thread_id="3", parent="3"), {}, expected_head="3")
    outcomes: dict[str, str] = {}

    def save(name: str) -> None:
        given = draft(2, id="7" if name == "5" else f"{name}.", thread_id=name, parent=name)
        try:
            store.put(given, {"name": name}, expected_head=name)
            outcomes[name] = "saved"
        except (HeadMoved, PlanRefused) as error:
            outcomes[name] = type(error).__name__

    _at_once([partial(save, name) for name in names])
    assert outcomes.pop("3") == "HeadMoved"
    assert outcomes.pop("5") == "PlanRefused"
    assert set(outcomes.values()) == {"saved"}


@pytest.mark.parametrize("number", range(10))
def test_what_is_pinned_while_it_is_trashed_is_one_or_the_other(opened: Open, number: int) -> None:
    store, pinner, trasher = opened(), opened(), opened()
    record, _ = save_chain(store, 2)
    outcomes: list[str] = []

    def pin() -> None:
        with contextlib.suppress(CheckpointNotFound):
            pinner.pin(record, reason="golden", now=NOON)
            outcomes.append("pinned")

    def trash() -> None:
        with contextlib.suppress(PlanRefused):
            trasher.trash({record.id: "old"}, now=NOON)
            outcomes.append("trashed")

    _at_once([pin, trash] if number % 2 else [trash, pin])
    assert len(outcomes) == 1, outcomes


def test_a_restore_beside_a_save_moves_the_head_before_it_or_after(opened: Open) -> None:
    agent, operator, done = opened(), opened(), threading.Event()
    save_chain(agent, 2)

    def save() -> None:
        number, parent = 3, "c2"
        while not done.is_set():
            try:
                agent.put(draft(number, parent=parent), {"n": number}, expected_head=parent)
                parent = f"c{number}"
            except HeadMoved as moved:
                parent = moved.actual or ""
            number += 1

    def restore() -> None:
        for number in range(10):
            while not _restored(operator, f"op-{number}"):
                pass
        done.set()

    _at_once([save, restore])
    head = operator.head("agent-1", "main")
    assert head is not None
    assert head.version == len(operator.history("agent-1", "main")) + 10
    assert list(operator.verify_deep()) == []


def test_the_tables_are_laid_once_however_many_begin_at_once(opened: Open) -> None:
    stores = [opened() for _ in range(8)]

    def save(store: PostgresqlStore, name: str) -> None:
        store.put(draft(1, id=name, thread_id=name), {}, expected_head=None)

    _at_once([partial(save, store, f"{n}") for n, store in enumerate(stores)])
    assert len(list(opened().threads())) == 8
    assert list(opened().verify()) == []


def _restored(store: PostgresqlStore, operation_id: str) -> bool:
    head = store.head("agent-1", "main")
    assert head is not None
    try:
        store.set_head(
            store.get("c1"), expected=head.checkpoint_id, now=NOON, operation_id=operation_id
        )
    except HeadMoved:
        return False
    return True


def _at_once(work: Sequence[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result()


def _wait_for_a_lock(url: str) -> None:
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'holdfast' AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(url, autocommit=True) as db:
        while db.execute(waiting).fetchone() is None:
            time.sleep(0.01)
