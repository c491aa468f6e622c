"""An export is checked by itself, and a spreadsheet calculates nothing in it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime

import pytest

from dashboard.models import AuditEvent, User
from dashboard.services import audit
from dashboard.services.audit import Format
from tests.dashboard.services.audit.events import ATTACKS, append
from tests.flushing import unprotected

pytestmark = pytest.mark.django_db
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "＝1", "'", "plain"]
AT_THE_END = {"cut_the_tail", "edit_the_last_and_rehash"}
"""An export does not tell these by itself: a hash that was noted does."""
HOLDS = "insert_at_the_end"
"""Whoever can append to the file can append to the chain."""


def exported(form: Format) -> list[str]:
    events = AuditEvent.objects.order_by("sequence")
    whole = "".join(audit.lines((event.link() for event in events), form))
    return whole.splitlines(keepends=True)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_holds_by_itself(person: User, now: datetime, form: Format) -> None:
    for text in FORMULAS:
        audit.record(
            user=person, action=text, target=f'{text}\r\nb,"c"', details={"a": text}, now=now
        )
    found = audit.verify_file(exported(form), now=now, expect=audit.verify(now=now).hash)
    assert (found.events, found.findings) == (len(FORMULAS), ())


def test_no_cell_is_a_formula(person: User, now: datetime) -> None:
    for text in FORMULAS:
        audit.record(
            user=person, action=text, target=text, details={text: text}, now=now, actor=text
        )
    rows = list(csv.reader(exported("csv")))
    assert len(rows) == len(FORMULAS) + 1
    assert not [
        cell for row in rows for cell in row if cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))
    ]


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_what_was_done_to_an_export_is_named(
    now: datetime, attack: Callable[[], None], form: Format
) -> None:
    append(now)
    noted = audit.verify(now=now).hash
    with unprotected():
        attack()
    expect = noted if attack.__name__ in AT_THE_END else ""
    found = audit.verify_file(exported(form), now=now, expect=expect)
    assert found.holds == (attack.__name__ == HOLDS)


def test_a_part_holds_when_it_is_said_to_be_one(now: datetime) -> None:
    append(now)
    part = exported("jsonl")[1::2]
    assert not audit.verify_file(part, now=now).holds
    assert audit.verify_file(part, now=now, partial=True).holds
    edited = [part[0].replace('"test"', '"tset"'), *part[1:]]
    assert [f.kind for f in audit.verify_file(edited, now=now, partial=True).findings] == ["edited"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{}",
        "[]",
        '{"sequence": 1}',
        "a,b\n1,2",
        '{"sequence": "x"',
        "\x00",
        '"a\nb',
    ],
)
def test_what_is_no_export_is_said_so(now: datetime, text: str) -> None:
    with pytest.raises(audit.UnreadableExport):
        audit.verify_file(text.splitlines(keepends=True), now=now)
