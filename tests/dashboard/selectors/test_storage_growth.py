"""What is read from samples: exact, with gaps as gaps, of one's own projects, in few queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.models import FieldSample, Project, Role, SourceSample, Thread, User
from dashboard.selectors.errors import NotFound
from dashboard.selectors.storage_breakdown import breakdown
from dashboard.selectors.storage_growth import Growth, growth
from dashboard.selectors.storage_scopes import Scope, find_scope
from dashboard.selectors.storage_series import MOST_POINTS, By, Range
from tests.dashboard.growth import KB, grown
from tests.dashboard.people import join

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def look(scope: Scope, now: datetime, range_: Range = Range.MONTH, by: By = "agent") -> Growth:
    return growth(scope=scope, range_=range_, by=by, now=now)


def test_the_sum_is_the_sum_of_its_parts_at_every_time(person: User, now: datetime) -> None:
    grown(now, agents=9)
    grown(now, name="others", agents=3)
    for by in ("source", "agent"):
        series = look(find_scope(user=person), now, by=by).series
        for at, total in enumerate(series.total):
            assert total == sum(line.sizes[at] or 0 for line in series.lines)
        assert len(series.lines) == (2 if by == "source" else 7)


def test_it_grew_by_what_it_holds_more(person: User, now: datetime) -> None:
    grown(now, agents=1, days=40)
    found = look(find_scope(user=person), now)
    assert found.stored_bytes == 40 * 24 * KB
    assert (found.week_change, found.month_change) == (7 * 24 * KB, 30 * 24 * KB)


def test_what_was_not_sampled_then_is_not_known(person: User, now: datetime) -> None:
    grown(now, agents=1, days=10)
    found = look(find_scope(user=person), now)
    assert found.week_change == 7 * 24 * KB
    assert found.month_change is None


@pytest.mark.parametrize("range_", list(Range))
def test_days_without_a_worker_are_gaps_and_not_zeros(
    person: User, now: datetime, range_: Range
) -> None:
    gaps = {0: (), 1: (2, 3)}[int(range_ is not Range.DAY)]
    grown(now, agents=2, days=40, gaps=gaps)
    series = look(find_scope(user=person), now, range_).series
    missing = [at for at, size in enumerate(series.total) if size is None]
    assert bool(missing) == bool(gaps)
    assert all(line.sizes[at] is None for line in series.lines for at in missing)
    assert 0 not in series.total[1:]


def test_a_prune_is_a_step_and_the_forecast_starts_behind_it(person: User, now: datetime) -> None:
    def size(_: int, hours: int) -> int:
        return hours * KB if hours < 30 * 24 else hours * KB - 600 * KB

    grown(now, agents=1, days=40, size=size)
    found = look(find_scope(user=person), now)
    sizes = [one for one in found.series.total if one is not None]
    drops = [after - before for before, after in pairwise(sizes)]
    assert min(drops) == 24 * KB - 600 * KB
    line = found.outlook.trend
    assert line is not None
    assert now - line.since <= 10 * DAY
    assert found.outlook.ahead is not None
    assert found.outlook.ahead.expected == pytest.approx((70 * 24 - 600) * KB, rel=0.01)


def test_long_series_are_thinned_and_keep_their_last_value(person: User, now: datetime) -> None:
    grown(now, agents=1, days=400)
    series = look(find_scope(user=person), now, Range.ALL).series
    assert len(series.times) <= MOST_POINTS
    assert series.total[-1] == 400 * 24 * KB


def test_a_threads_sizes_are_carried_on_where_it_did_not_change(
    person: User, now: datetime
) -> None:
    source = grown(now, agents=1, days=20)
    thread = Thread.objects.get()
    kept = thread.samples.order_by("sampled_at").first()
    assert kept is not None
    thread.samples.exclude(pk=kept.pk).delete()
    series = look(find_scope(user=person, thread_pk=thread.pk), now).series
    assert set(series.total) == {kept.stored_bytes}
    assert len(series.total) == SourceSample.objects.filter(source=source, grain="day").count()


@pytest.mark.parametrize("offset", [-11, -3.5, 0, 5.75, 14], ids=str)
def test_the_viewers_zone_changes_no_number(person: User, now: datetime, offset: float) -> None:
    grown(now, agents=2, days=40)
    there = now.astimezone(timezone(timedelta(hours=offset)))
    scope = find_scope(user=person)
    for range_ in Range:
        assert look(scope, there, range_).series == look(scope, now, range_).series


@pytest.mark.parametrize("month", [3, 10], ids=["spring", "autumn"])
def test_no_hour_is_lost_or_doubled_when_clocks_change(person: User, month: int) -> None:
    now = datetime(2026, month, 30, 12, tzinfo=UTC)
    grown(now, agents=1, days=20)
    series = look(find_scope(user=person), now, Range.WEEK).series
    steps = {after - before for before, after in pairwise(series.times)}
    assert steps == {timedelta(hours=1)}
    assert None not in series.total


def test_a_viewer_sees_the_sums_of_their_own_project_alone(person: User, now: datetime) -> None:
    other = Project.objects.create(name="Other", slug="other", created_at=now)
    grown(now, agents=1, days=20)
    hidden = grown(now, name="hidden", agents=5, days=20, project=other)
    viewer = join(User.objects.create_user("eve"), Role.VIEWER, other)

    mine = look(find_scope(user=person), now, by="source")
    theirs = look(find_scope(user=viewer), now, by="source")
    assert mine.stored_bytes == 20 * 24 * KB
    assert [line.name for line in mine.series.lines] == ["agents"]
    assert theirs.stored_bytes == 15 * 20 * 24 * KB
    for pks in ({"source_pk": hidden.pk}, {"agent_pk": hidden.agents.all()[0].pk}):
        with pytest.raises(NotFound):
            find_scope(user=person, **pks)
    with pytest.raises(NotFound):
        find_scope(user=person, thread_pk=hidden.agents.all()[0].threads.get().pk)


def test_it_takes_the_same_few_queries_with_200_agents_and_90_days(
    person: User, now: datetime
) -> None:
    grown(now, name="small", agents=2, days=8)
    small = [count(read) for read in reads(person, now)]
    grown(now, name="large", agents=200, days=90)
    assert [count(read) for read in reads(person, now)] == small
    assert max(small) <= 14


def reads(person: User, now: datetime) -> list[Callable[[], object]]:
    scope = find_scope(user=person)
    return [
        lambda: look(scope, now, Range.QUARTER),
        *(
            lambda eater=eater: breakdown(scope=scope, eater=eater, whole=1, now=now)
            for eater in ("agents", "threads", "fields")
        ),
    ]


def count(read: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        read()
    return len(queries)


def test_fields_are_summed_over_threads_as_they_were_measured_last(
    person: User, now: datetime
) -> None:
    grown(now, agents=2, days=10)
    for number, thread in enumerate(Thread.objects.all()):
        old = {"field": "messages", "written_by": "agent", "checkpoint_count": 3}
        FieldSample.objects.create(
            thread=thread, size=100, sampled_at=now - 9 * DAY, replaced_at=now - DAY, **old
        )
        FieldSample.objects.create(
            thread=thread, size=250 + number, stored_size=10, sampled_at=now - DAY, **old
        )
    (row,) = breakdown(scope=find_scope(user=person), eater="fields", whole=0, now=now).rows
    assert (row.size, row.stored_bytes, row.checkpoints) == (501, 20, 6)
    assert (row.grown, row.share, row.under) == (301, 100.0, "written by agent")


def test_the_largest_come_first_with_their_growth(person: User, now: datetime) -> None:
    grown(now, agents=3, days=10)
    whole = 6 * 240 * KB
    rows = breakdown(scope=find_scope(user=person), eater="agents", whole=whole, now=now).rows
    assert [row.name for row in rows] == ["agents-2", "agents-1", "agents-0"]
    assert [row.grown for row in rows] == [3 * 168 * KB, 2 * 168 * KB, 168 * KB]
    assert rows[0].share == pytest.approx(50)


def test_an_hour_in_which_one_source_is_missing_is_a_gap(person: User, now: datetime) -> None:
    grown(now, agents=1, days=20, gaps=(5,))
    grown(now, name="others", agents=1, days=20)
    series = look(find_scope(user=person), now, by="source").series
    assert series.total.count(None) == 1
