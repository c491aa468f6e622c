"""Quiet hours, waits and words: decided without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.services.notifications.happenings import Happening
from dashboard.services.notifications.matching import Rule, soonest
from dashboard.services.notifications.pacing import (
    FIRST_WAIT,
    HOUR,
    LONGEST_WAIT,
    next_slot,
    next_try,
    retry_after,
    wait,
)
from dashboard.services.notifications.quiet import QuietHours
from dashboard.services.notifications.wording import line, paragraph, uncalling

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NIGHT = QuietHours(start=22 * 60, end=7 * 60, zone="Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def made(**changes: Any) -> Happening:
    values: dict[str, Any] = {
        "kind": "drift.opened",
        "key": "drift-1",
        "project_pk": 1,
        "agent_pk": None,
        "severity": "medium",
        "title": "t",
        "text": "",
        "path": "/drift/1/",
        "at": NOON,
    }
    return Happening(**{**values, **changes})


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-11-21T21:59:59+01:00", None),
        ("2026-11-21T22:00:00+01:00", "2026-11-22T07:00:00+01:00"),
        ("2026-11-22T06:59:59+01:00", "2026-11-22T07:00:00+01:00"),
        ("2026-11-22T07:00:00+01:00", None),
        # The night to 29 March 2026 has 8 hours between, the one to 25 October has 10.
        ("2026-03-28T22:00:00+01:00", "2026-03-29T07:00:00+02:00"),
        ("2026-10-24T22:00:00+02:00", "2026-10-25T07:00:00+01:00"),
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall(now: str, ends: str | None) -> None:
    assert NIGHT.until(at(now)) == (at(ends) if ends else None)


def test_an_hour_that_comes_twice_is_quiet_once() -> None:
    quiet = QuietHours(start=2 * 60, end=2 * 60 + 30, zone="Europe/Berlin")

    assert quiet.until(at("2026-10-25T02:10:00+02:00")) == at("2026-10-25T02:30:00+02:00")
    assert quiet.until(at("2026-10-25T02:10:00+01:00")) is None


def test_an_hour_that_is_left_out_ends_where_the_clocks_go_on() -> None:
    quiet = QuietHours(start=1 * 60, end=2 * 60 + 30, zone="Europe/Berlin")

    assert quiet.until(at("2026-03-29T01:30:00+01:00")) == at("2026-03-29T03:30:00+02:00")


@given(st.integers(0, 366 * 24 * 3600))
def test_quiet_hours_end_after_now_and_are_over_then(seconds: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    end = NIGHT.until(now)

    assert end is None or now < end <= now + timedelta(hours=10)
    assert end is None or NIGHT.until(end) is None


@given(st.integers(1, 100), st.floats(0, 1))
def test_a_wait_grows_and_is_bounded(attempts: int, share: float) -> None:
    assert timedelta() <= wait(attempts, share) <= LONGEST_WAIT
    assert wait(1, 1.0) == FIRST_WAIT
    assert wait(3, 1.0) == FIRST_WAIT * 4


def test_what_is_asked_for_is_waited_but_not_forever() -> None:
    asked = next_try(attempts=1, created_at=NOON, now=NOON, share=0.0, asked=timedelta(days=3))
    assert asked.at == NOON + timedelta(hours=6)


def test_what_is_older_than_a_day_is_given_up() -> None:
    late = NOON + timedelta(hours=24)
    assert next_try(attempts=2, created_at=NOON, now=late, share=0.1).at is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Sat, 21 Nov 2026 12:02:00 GMT", 120),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("9" * 30, None),
        ("Sat, 99 Nov 2026 12:02:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(header, NOON) == expected


def test_a_quarter_of_the_messages_is_kept_for_what_is_urgent() -> None:
    sent = [NOON - timedelta(minutes=minute) for minute in range(15)]

    assert next_slot(sent, per_hour=20, severity="low", now=NOON) == sent[-1] + HOUR
    assert next_slot(sent, per_hour=20, severity="high", now=NOON) == NOON


@pytest.mark.parametrize(
    ("rule", "happens", "agent", "told"),
    [
        ({"agents": "crawl*"}, {}, "crawler-7", True),
        ({"agents": "crawl*"}, {}, "CRAWLER", False),
        ({"agents": "crawl*"}, {}, None, False),
        ({"kinds": ("drift",)}, {}, None, True),
        ({"severity": "high"}, {"kind": "drift.resolved", "severity": "low"}, None, True),
    ],
)
def test_a_rule_matches(
    rule: dict[str, Any], happens: dict[str, Any], agent: str | None, told: bool
) -> None:
    made_rule = Rule(pk=1, **{"severity": "low", **rule})
    assert made_rule.matches(made(**happens), agent) is told


def test_of_several_rules_the_soonest_counts() -> None:
    quiet = Rule(pk=1, severity="low", quiet=QuietHours(start=0, end=0, zone="UTC"))
    loud = Rule(pk=2, severity="medium")

    due = soonest([quiet, loud], made(), None, NOON)
    assert due is not None
    assert (due.rule.pk, due.held) == (2, False)


@pytest.mark.parametrize(
    "bad",
    [
        {"severity": "worst"},
        {"path": "https://evil.example/"},
        {"path": "//evil.example/"},
        {"key": ""},
        {"key": "x" * 101},
    ],
)
def test_a_happening_that_cannot_be_told_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        made(**bad)


@given(st.text())
def test_words_never_steer(text: str) -> None:
    shown = line(text)

    assert shown.isprintable()
    assert len(shown) <= 200
    assert all(part.isprintable() for part in paragraph(text, 500).split("\n"))


@pytest.mark.parametrize(
    "secret",
    [
        "postgresql://ada:hunter22@db/x",
        'password="hunter22"',
        "api_key: hunter22",
        "Bearer hunter22hunter22",
        "hf_0123456789ab_hunter22hunter22hunter22hunter22hunter22hun",
        "sk-hunter22hunter22",
        "AKIAHUNTER22HUNTER22",
    ],
)
def test_what_looks_like_a_secret_does_not_leave_the_house(secret: str) -> None:
    shown = paragraph(f"It said {secret} and failed", 500)

    assert "unter22" not in shown.lower().replace("hidden", "")
    assert "and failed" in shown


@pytest.mark.parametrize("name", ["@everyone", "@here", "<!channel>", "<@U123>", "<#C1>"])
def test_nobody_is_called_by_the_name_of_an_agent(name: str) -> None:
    assert name not in uncalling(f"agent {name}!")
