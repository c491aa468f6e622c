"""Ids that sort among LangGraph's own, and the time that SQLite is given."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from langgraph.checkpoint.base.id import uuid6

import checkpoints
from checkpoints.connectors.langgraph.uuid6 import ids_after, ticks_of, time_of
from checkpoints.connectors.sqlite_files.database import Database
from tests.checkpoints.connectors import graphs


def now() -> datetime:
    return datetime.now(UTC)


def test_new_ids_sort_between_those_of_langgraph() -> None:
    for _ in range(200):
        before = str(uuid6())
        made = ids_after(before, now=now(), count=3)
        assert [before, *made] == sorted([before, *made])
        time.sleep(0.000_01)
        assert str(uuid6()) > made[-1]


def test_the_time_in_an_id_is_when_it_was_made() -> None:
    ticks = ticks_of(str(uuid6()))
    assert ticks is not None
    assert abs(time_of(ticks) - now()) < timedelta(seconds=1)


def test_a_clock_that_is_a_little_behind_still_gives_later_ids() -> None:
    newest = str(uuid6())
    [made] = ids_after(newest, now=now() - timedelta(milliseconds=500), count=1)
    assert made > newest


@pytest.mark.parametrize("newest", ["", "step-1", "9f1c1e2a-0000-4000-8000-000000000000"])
def test_ids_of_another_kind_are_refused(newest: str) -> None:
    with pytest.raises(checkpoints.PlanRefused, match="not an id that LangGraph made"):
        ids_after(newest, now=now(), count=1)


def test_a_query_without_end_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "own.sqlite"
    with graphs.saver(path) as saver:
        saver.setup()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with pytest.raises(checkpoints.PermanentStoreError, match="worked too long"):
        list(Database(path).rows(endless))
