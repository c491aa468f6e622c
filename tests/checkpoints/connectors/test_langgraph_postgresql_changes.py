"""What a scan of LangGraph's tables finds after an earlier one, whatever commits meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from langgraph.types import Command

from checkpoints.connectors.langgraph_postgresql import changes as changes_module
from checkpoints.records import Changes, Status
from tests.checkpoints.connectors import graphs
from tests.checkpoints.connectors.langgraph_tables import execute, opened, restore, saver

INSERT = (
    "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint, metadata) VALUES"
    ' (%s, %s, \'{"v": 4, "channel_values": {}, "channel_versions": {}, "versions_seen": {}}\','
    " '{}')"
)


def run(url: str, thread_id: str = "t") -> None:
    with saver(url) as own:
        graphs.counter(own).invoke({"n": 0, "log": []}, graphs.config(thread_id))


def followed(url: str, cursor: str | None = None, *, limit: int = 500) -> list[Changes]:
    """Return the pages up to the end of a listing."""
    pages = [opened(url).changes(cursor, limit=limit)]
    while not pages[-1].complete:
        pages.append(opened(url).changes(pages[-1].cursor, limit=limit))
    return pages


def ids(pages: list[Changes]) -> list[str]:
    return [record.id for page in pages for record in page.checkpoints]


@contextmanager
def writer(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A program in the middle of a transaction; it is rolled back unless it commits."""
    connection = psycopg.connect(url)
    try:
        yield connection
    finally:
        connection.close()


def test_only_what_is_new_is_listed(postgresql_url: str) -> None:
    run(postgresql_url)
    cursor = followed(postgresql_url)[-1].cursor
    run(postgresql_url, "other")
    [page] = followed(postgresql_url, cursor)
    assert {record.thread_id for record in page.checkpoints} == {"other"}
    assert [thread.thread_id for thread in page.threads] == ["other"]
    assert len(page.checkpoints) == 8
    [again] = followed(postgresql_url, page.cursor)
    assert (again.checkpoints, again.reset) == ((), False)


def test_records_come_in_the_order_of_writing(postgresql_url: str) -> None:
    run(postgresql_url)
    [page] = followed(postgresql_url)
    assert [record.step for record in page.checkpoints] == list(range(-1, 7))


def test_what_commits_late_is_told_though_it_began_early(postgresql_url: str) -> None:
    run(postgresql_url)
    with writer(postgresql_url) as early, writer(postgresql_url) as late:
        early.execute(INSERT, ("early", "1"))
        late.execute(INSERT, ("late", "2"))
        late.commit()
        first = followed(postgresql_url)
        assert "2" in ids(first)
        assert "1" not in ids(first)
        second = followed(postgresql_url, first[-1].cursor)
        assert ids(second) == []
        early.commit()
    assert ids(followed(postgresql_url, second[-1].cursor)) == ["1"]


def test_what_a_part_of_a_transaction_wrote_is_told_when_the_whole_commits(
    postgresql_url: str,
) -> None:
    run(postgresql_url)
    with writer(postgresql_url) as early, writer(postgresql_url) as late:
        early.execute(INSERT, ("early", "1"))
        with early.transaction():
            early.execute(INSERT, ("early", "2"))
        late.execute(INSERT, ("late", "3"))
        late.commit()
        first = followed(postgresql_url)
        assert {"1", "2", "3"} & set(ids(first)) == {"3"}
        early.commit()
    assert sorted(ids(followed(postgresql_url, first[-1].cursor))) == ["1", "2"]


def test_what_commits_while_pages_are_turned_is_told(postgresql_url: str) -> None:
    for name in ("b", "c"):
        run(postgresql_url, name)
    with writer(postgresql_url) as running:
        running.execute(INSERT, ("a", "behind the page"))
        page = opened(postgresql_url).changes(None, limit=10)
        assert not page.complete
        running.commit()
    seen = set(ids([page]))
    pages = followed(postgresql_url, page.cursor, limit=10)
    pages += followed(postgresql_url, pages[-1].cursor)
    assert "behind the page" in seen | set(ids(pages))


def test_a_transaction_that_fails_leaves_nothing_to_tell(postgresql_url: str) -> None:
    run(postgresql_url)
    with writer(postgresql_url) as failing:
        failing.execute(INSERT, ("x", "1"))
        first = followed(postgresql_url)
        failing.rollback()
    assert ids(followed(postgresql_url, first[-1].cursor)) == []


def test_many_writers_in_any_order_leave_nothing_out(postgresql_url: str) -> None:
    run(postgresql_url)
    cursor, told = followed(postgresql_url)[-1].cursor, set[str]()
    with ExitStack() as stack:
        writers = [stack.enter_context(writer(postgresql_url)) for _ in range(8)]
        for number, one in enumerate(writers):
            one.execute(INSERT, (f"w{number}", f"id {number}"))
        for number in (5, 0, 7, 2, 6, 1, 4, 3):
            writers[number].commit()
            pages = followed(postgresql_url, cursor)
            assert ids(pages) == [f"id {number}"]
            cursor = pages[-1].cursor
            told.update(ids(pages))
    assert len(told) == 8


def test_past_the_limit_of_names_it_is_told_again_rather_than_left_out(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes_module, "SEEN", 2)
    with saver(postgresql_url):
        pass
    with writer(postgresql_url) as oldest:
        oldest.execute(INSERT, ("oldest", "late"))
        for number in range(5):
            execute(postgresql_url, INSERT, "x", f"id {number}")
        first = followed(postgresql_url)
        assert len(ids(first)) == 5
        again = followed(postgresql_url, first[-1].cursor)
        assert set(ids(again)) <= set(ids(first))
        oldest.commit()
    assert "late" in ids(followed(postgresql_url, again[-1].cursor))


def test_an_interrupt_that_comes_after_the_scan_is_told_later(postgresql_url: str) -> None:
    with saver(postgresql_url) as own:
        graph = graphs.fan(own)
        graph.invoke({"seen": []}, graphs.config("t"))
        head = opened(postgresql_url).head(None, "t")
        assert head
        with writer(postgresql_url) as other:
            other.execute("CREATE TEMP TABLE kept AS SELECT * FROM checkpoint_writes")
            other.execute("DELETE FROM checkpoint_writes")
            other.commit()
            before = followed(postgresql_url)[-1]
            other.execute("INSERT INTO checkpoint_writes SELECT * FROM kept")
            other.commit()
        page = followed(postgresql_url, before.cursor)[-1]
        told = {record.id: record for record in page.checkpoints}
        assert told[head.checkpoint_id].status == Status.WAITING
        assert [thread.status for thread in page.threads] == [Status.WAITING]
        graph.invoke(Command(resume="yes"), graphs.config("t"))
        following = followed(postgresql_url, page.cursor)[-1]
        assert {r.id: r.status for r in following.checkpoints}[head.checkpoint_id] == Status.RUNNING
        assert following.threads[0].status == Status.COMPLETED


def test_what_a_restore_wrote_is_told(postgresql_url: str) -> None:
    run(postgresql_url)
    page = followed(postgresql_url)[-1]
    head = restore(postgresql_url, "t", page.checkpoints[3].id)
    [after] = followed(postgresql_url, page.cursor)
    assert [record.id for record in after.checkpoints] == [head.checkpoint_id]
    assert [thread.status for thread in after.threads] == [Status.INTERRUPTED]


@pytest.mark.parametrize("statement", ["VACUUM", "VACUUM FREEZE", "ANALYZE", "REINDEX TABLE"])
def test_tidying_up_changes_nothing(postgresql_url: str, statement: str) -> None:
    run(postgresql_url)
    cursor = followed(postgresql_url)[-1].cursor
    for table in ("checkpoints", "checkpoint_writes"):
        execute(postgresql_url, f"{statement} {table}")
    [page] = followed(postgresql_url, cursor)
    assert (page.checkpoints, page.reset) == ((), False)
    run(postgresql_url, "u")
    assert {r.thread_id for r in followed(postgresql_url, page.cursor)[-1].checkpoints} == {"u"}


@pytest.mark.parametrize("statement", ["TRUNCATE checkpoints", "VACUUM FULL checkpoints"])
def test_a_table_that_was_written_anew_resets_the_listing(
    postgresql_url: str, statement: str
) -> None:
    run(postgresql_url)
    cursor = followed(postgresql_url)[-1].cursor
    execute(postgresql_url, statement)
    run(postgresql_url, "u")
    page = followed(postgresql_url, cursor)[-1]
    assert page.reset
    assert page.complete
    assert len({r.id for r in page.checkpoints if r.thread_id == "u"}) == 8


def test_tables_of_another_database_reset_the_listing(postgresql_url: str) -> None:
    run(postgresql_url)
    cursor = followed(postgresql_url)[-1].cursor
    execute(postgresql_url, "CREATE SCHEMA old")
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        execute(postgresql_url, f"CREATE TABLE old.{table} (LIKE {table})")
        execute(postgresql_url, f"INSERT INTO old.{table} SELECT * FROM {table}")
    store = opened(postgresql_url, "?schema=old")
    page = store.changes(cursor)
    assert page.reset
    assert len(page.checkpoints) == 8


def test_a_past_that_never_was_resets_the_listing(postgresql_url: str) -> None:
    run(postgresql_url)
    values = json.loads(followed(postgresql_url)[-1].cursor)
    for shift in (10_000, -(2**32)):
        moved = {**values["since"], "oldest": values["since"]["oldest"] + shift}
        moved["next"] = moved["oldest"]
        page = opened(postgresql_url).changes(json.dumps({**values, "since": moved}))
        assert page.reset
        assert len(page.checkpoints) == 8


@pytest.mark.parametrize("cursor", ["", "null", "[]", "{", '{"after": 1}', "xmin=5", "\0"])
def test_a_cursor_that_is_none_of_ours_starts_anew(postgresql_url: str, cursor: str) -> None:
    run(postgresql_url)
    page = opened(postgresql_url).changes(cursor)
    assert page.reset
    assert len(page.checkpoints) == 8


def test_small_pages_come_to_an_end_and_say_how_much_is_left(postgresql_url: str) -> None:
    run(postgresql_url)
    pages = followed(postgresql_url, limit=3)
    assert [r.step for page in pages for r in page.checkpoints] == list(range(-1, 7))
    assert [page.remaining for page in pages] == [5, 2, 0]
    run(postgresql_url, "u")
    pages = followed(postgresql_url, pages[-1].cursor, limit=3)
    assert [r.step for page in pages for r in page.checkpoints] == list(range(-1, 7))
    assert [page.remaining for page in pages] == [5, 2, 0]


def test_deleted_threads_do_no_harm(postgresql_url: str) -> None:
    run(postgresql_url)
    run(postgresql_url, "u")
    page = opened(postgresql_url).changes(None, limit=3)
    with saver(postgresql_url) as own:
        own.delete_thread("t")
    pages = followed(postgresql_url, page.cursor, limit=3)
    assert {r.thread_id for one in pages for r in one.checkpoints} == {"u"}
