"""A thread's rows, its filters, what is new."""

from __future__ import annotations

from datetime import datetime

import pytest

from dashboard.models import Thread, User
from dashboard.selectors.errors import NotFound
from dashboard.selectors.timelines import RowFilter, new_rows, news, timeline_page
from tests.dashboard.index import make_thread, save_rows

pytestmark = pytest.mark.django_db


def test_an_agent_is_shown_by_its_main_thread(person: User, now: datetime) -> None:
    main = make_thread(now)
    make_thread(now, thread_id="later")
    page = timeline_page(user=person, agent_pk=main.agent_id, thread_pk=None, wanted=RowFilter())
    assert page.thread == main
    assert len(page.threads) == 2


def test_an_agent_that_is_not_indexed_says_what_to_do(person: User) -> None:
    with pytest.raises(NotFound, match="look for it by name"):
        timeline_page(user=person, agent_pk=404, thread_pk=None, wanted=RowFilter())


def test_another_agents_thread_is_not_found(person: User, now: datetime) -> None:
    first, second = make_thread(now), make_thread(now, agent_id="other")
    with pytest.raises(NotFound):
        timeline_page(user=person, agent_pk=first.agent_id, thread_pk=second.pk, wanted=RowFilter())


def test_damaged_rows_can_be_asked_for(person: User, now: datetime) -> None:
    thread = make_thread(now)
    thread.checkpoints.filter(step=1).update(damage="the digest does not hold")
    assert steps(person, thread, RowFilter(status="damaged")) == [1]


def test_an_unknown_status_is_not_found(person: User, now: datetime) -> None:
    with pytest.raises(NotFound, match="no status"):
        steps(person, make_thread(now), RowFilter(status="sleeping"))


def test_new_rows_are_those_that_came_after_the_page(person: User, now: datetime) -> None:
    thread = make_thread(now)
    page = timeline_page(user=person, agent_pk=thread.agent_id, thread_pk=None, wanted=RowFilter())
    came = save_rows(thread, now, 2)
    known = {"agent_pk": thread.agent_id, "thread_pk": thread.pk}
    since = page.listing.last_pk
    told = news(user=person, since_pk=since, head_pk=thread.head_id, **known)
    fresh = new_rows(user=person, since_pk=since, **known)
    assert told.count == 2
    assert [row.pk for row in fresh.rows] == [came[1].pk, came[0].pk]
    again = news(user=person, since_pk=fresh.last_pk, head_pk=thread.head_id, **known)
    assert (again.count, again.moved) == (0, False)


def test_a_head_that_moved_back_is_news_too(person: User, now: datetime) -> None:
    thread = make_thread(now)
    told = news(
        user=person,
        agent_pk=thread.agent_id,
        thread_pk=thread.pk,
        since_pk=thread.head_id or 0,
        head_pk=thread.checkpoints.get(step=0).pk,
    )
    assert (told.count, told.moved) == (0, True)


def steps(person: User, thread: Thread, wanted: RowFilter) -> list[int]:
    page = timeline_page(user=person, agent_pk=thread.agent_id, thread_pk=thread.pk, wanted=wanted)
    return [row.step for row in page.listing.rows]
