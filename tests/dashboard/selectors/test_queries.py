"""The language in which checkpoints are asked for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dashboard.models import Checkpoint, Project, Source, Thread, User
from dashboard.selectors.queries import BadWord, parse
from dashboard.selectors.selections import select, selection_page
from tests.dashboard.index import make_thread

pytestmark = pytest.mark.django_db


@pytest.fixture
def threads(now: datetime) -> tuple[Thread, Thread]:
    """Billing's thread of an invoice with three checkpoints, and the crawler's main one."""
    billing = make_thread(now, agent_id="billing", thread_id="invoice 7")
    crawler = make_thread(now, agent_id="crawler", saves=2)
    steps = billing.checkpoints.order_by("step")
    first, second, _head = steps
    Checkpoint.objects.filter(pk=first.pk).update(
        kind="recovery", stored_size=2_000_000, created_at=now - timedelta(days=3), run_id="r1"
    )
    Checkpoint.objects.filter(pk=second.pk).update(
        status="failed", pinned=True, step_name="generation", damage="torn"
    )
    return billing, crawler


def found(person: User, text: str, now: datetime) -> list[tuple[str, int]]:
    """Return the agents and steps that a query finds."""
    picked = select(user=person, text=text, now=now).picked
    rows = Checkpoint.objects.filter(pk__in=[one.pk for one in picked])
    return sorted(rows.values_list("thread__agent__agent_id", "step"))


ALL = [("billing", 0), ("billing", 1), ("billing", 2), ("crawler", 0), ("crawler", 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("agent:billing", ALL[:3]),
        ("AGENT:billing", ALL[:3]),
        ("agent=crawl*", ALL[3:]),
        ('agent:"crawl*"', []),
        ('thread:"invoice 7"', ALL[:3]),
        ("thread:invoice", []),
        ("kind:recovery", ALL[:1]),
        ("kind:pre-operation", []),
        ("status:failed", ALL[1:2]),
        ("size>1MB", ALL[:1]),
        ("size>=2000000 size<=2MB", ALL[:1]),
        ("age>2d", ALL[:1]),
        ("age<36h agent:billing", ALL[1:3]),
        ("step>=1", [ALL[1], ALL[2], ALL[4]]),
        ("step=0", [ALL[0], ALL[3]]),
        ("step<-1", []),
        ("run:r1", ALL[:1]),
        ("name:generation", ALL[1:2]),
        ("pinned:yes", ALL[1:2]),
        ("pinned:no agent:billing", [ALL[0], ALL[2]]),
        ("damaged:yes", ALL[1:2]),
        ("head:yes", [ALL[2], ALL[4]]),
        ("head:no", [ALL[0], ALL[1], ALL[3]]),
        ("source:agents project:default", ALL),
        ("source:other", []),
        ("voice", ALL[:3]),
        ("crawler step:1", ALL[4:]),
        ('"gener"', ALL[1:2]),
        ("r1", ALL[:1]),
        ("%", []),
        ("_", []),
        ("'; drop table dashboard_checkpoint; --", []),
    ],
)
def test_a_query_finds_what_it_says(
    person: User, now: datetime, threads: object, text: str, expected: list[tuple[str, int]]
) -> None:
    assert found(person, text, now) == expected


def test_what_is_removed_is_found_only_when_asked_for(
    person: User, now: datetime, threads: tuple[Thread, Thread]
) -> None:
    Checkpoint.objects.filter(step=0).update(removed_at=now)

    assert found(person, "agent:billing", now) == ALL[1:3]
    assert found(person, "agent:billing removed:yes", now) == ALL[:1]
    assert found(person, "agent:billing removed:no", now) == ALL[1:3]


def test_a_head_is_told_in_a_thread_without_one_too(
    person: User, now: datetime, threads: tuple[Thread, Thread]
) -> None:
    Thread.objects.update(head=None)

    assert found(person, "head:yes", now) == []
    assert found(person, "head:no", now) == ALL


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("agnet:billing", "“agnet:billing” is not understood: there is no field “agnet”. Did you"),
        ("http://example.org", "Put it in quotes to look for it as text"),
        ("kind:wild", "“kind:wild” is not understood: kind is routine, pre_operation or recovery"),
        ("size>big", "“size>big” is not understood: it begins with a number"),
        ("size>1XB", "a size ends in KB"),
        ("age:2d", "write age>2d or age<36h"),
        ("age>2", "an age ends in"),
        ("age>9000000000d", "“age>9000000000d” is not understood: an age is at most"),
        ("age>1000000d", "at most 1000 years"),
        ("age>365000d", ""),
        ("step:first", "a whole number of at most 18 digits"),
        ("step:²", "a whole number"),
        (f"step:{'9' * 19}", "at most 18 digits"),
        ("agent>b", "agent has no order; write agent:b"),
        ("pinned:maybe", "pinned is yes or no"),
        ("agent:", "has no value; write one behind the :"),
        (">1MB", "begins with >: a field's name comes first"),
        ('agent:"never closed', "is never closed; add a"),
        ("agent:a\x00b", "control character"),
        ("x" * 301, "a value has at most 300 characters"),
        ("x " * 21, "at most 20 words; this one has 21"),
    ],
)
def test_what_is_not_understood_is_named(text: str, problem: str, now: datetime) -> None:
    if problem:
        with pytest.raises(BadWord, match=problem.replace("(", r"\(")):
            parse(text, now)
    else:
        parse(text, now)


def test_a_backslash_lets_a_value_hold_a_quote(now: datetime) -> None:
    query = parse(r'agent:"say \"hi\" \\o/"', now)

    assert query.words[0].value == r'say "hi" \o/'


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_000,
        "a " * 5_000,
        f"step:{'9' * 5_000}",
        f"size>{'9' * 500}MB",
        "\x00" * 900,
        '"' * 999,
        "\\" * 999,
        "agent:" * 166,
        "(" * 999,
        "☃️" * 400,
        "age>" + "9" * 20 + "d",
    ],
)
def test_a_hostile_query_is_refused_or_finds_nothing(
    person: User, now: datetime, threads: object, text: str
) -> None:
    page = selection_page(user=person, text=text, now=now)

    assert page.problem or (page.selection is not None and page.selection.checkpoints == 0)


def test_other_projects_rows_are_never_found(
    person: User, now: datetime, threads: tuple[Thread, Thread]
) -> None:
    other = Project.objects.create(name="other", slug="other", created_at=now)
    Source.objects.update(project=other)

    assert found(person, "agent:billing", now) == []
    assert found(person, "project:other", now) == []
    page = selection_page(user=person, text="billing", now=now)
    assert page.selection is not None
    assert (page.selection.shares, page.rows) == ((), ())


def test_an_estimate_adds_up(person: User, now: datetime, threads: tuple[Thread, Thread]) -> None:
    Checkpoint.objects.filter(thread=threads[1]).update(stored_size=None)

    selection = select(user=person, text="project:default", now=now)

    assert selection.checkpoints == 5
    assert selection.stored_bytes == 2_000_000 + 1001 + 1002
    assert (selection.unknown_sizes, selection.pinned, selection.more) == (2, 1, False)
    assert [(share.checkpoints, share.threads) for share in selection.shares] == [(5, 2)]


def test_a_selection_is_known_by_what_it_holds(
    person: User, now: datetime, threads: tuple[Thread, Thread]
) -> None:
    before = select(user=person, text="agent:billing", now=now)
    assert select(user=person, text='agent:"billing"', now=now).digest == before.digest
    Checkpoint.objects.filter(step=0).update(removed_at=now)

    assert select(user=person, text="agent:billing", now=now).digest != before.digest
