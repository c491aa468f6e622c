"""Reports of agents that were taken over: they change what is theirs, and no time but their own."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from http import HTTPStatus

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.models import AuditEvent, Directive, Source, User
from dashboard.services.tokens import NewToken, create_token
from tests.dashboard.api.test_reports import checkpoint, directive, event, fetch, send

__all__ = ["directive"]


def incompressible(length: int, first: int, last: int) -> str:
    """Return a text that no database makes shorter."""
    draw = random.Random(length)
    return "".join(chr(draw.randint(first, last)) for _ in range(length))


ASCII = incompressible(1_000, 0x21, 0x7E)
CHINESE = incompressible(1_000, 0x4E00, 0x9FFF)


@pytest.mark.parametrize("at", ["1970-01-02T00:00:00Z", "9998-12-31T00:00:00Z"])
def test_an_agents_answer_is_audited_at_the_time_of_the_dashboard(
    token: NewToken, directive: Directive, at: str
) -> None:
    before = timezone.now()
    told = event("acknowledgement", directive_id=str(directive.pk), outcome="applied")
    send([{**told, "at": at}], token.secret)
    audited = AuditEvent.objects.get(action="directive.acknowledged")
    assert before <= audited.at <= timezone.now()
    directive.refresh_from_db()
    assert directive.finished_at is not None
    assert directive.finished_at <= timezone.now()


@pytest.mark.parametrize(
    "item",
    [
        event("effect", name=ASCII, key=ASCII),
        event("effect", name=CHINESE, key=CHINESE),
        event("resume", run_id=ASCII, checkpoint_id=ASCII, attempt=ASCII, outcome="resumed"),
        event("failure", error_type="E", agent_id=CHINESE),
        event("failure", error_type="E", thread_id=CHINESE),
        checkpoint(9, id=CHINESE, namespace=CHINESE),
    ],
)
def test_ids_that_no_index_takes_hold_nothing_else_back(token: NewToken, item: object) -> None:
    answer = send([item, checkpoint(1)], token.secret)
    assert answer.status_code == HTTPStatus.OK
    assert answer.json()["accepted"] + len(answer.json()["refused"]) == 2
    assert answer.json()["accepted"] >= 1


@pytest.mark.parametrize("name", ["agent_id", "thread_id"])
def test_directives_of_a_name_that_cannot_be_are_refused(
    token: NewToken, directive: Directive, name: str
) -> None:
    assert fetch(token.secret, **{name: "\0"}).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_report_of_which_nothing_is_taken_makes_no_source(person: User, now: datetime) -> None:
    made = create_token(user=person, name="o", scopes=["push"], agent_id="other", now=now)
    told = event("acknowledgement", directive_id="d", outcome="applied")
    for items in ([], [checkpoint(1)], [told]):
        answer = send(items, made.secret)
        assert answer.status_code == HTTPStatus.OK
        assert len(answer.json()["refused"]) == len(items)
    assert not Source.objects.exists()


def test_an_agents_token_is_given_no_directive_of_another_agent(
    person: User, directive: Directive, now: datetime
) -> None:
    made = create_token(user=person, name="o", scopes=["push"], agent_id="other", now=now)
    reading = create_token(user=person, name="r", scopes=["read"], now=now)
    ended = create_token(
        user=person, name="e", scopes=["push"], now=now, lifetime=timedelta(seconds=-1)
    )
    assert fetch(made.secret).status_code == HTTPStatus.FORBIDDEN
    assert fetch(reading.secret).status_code == HTTPStatus.FORBIDDEN
    assert fetch(ended.secret).status_code == HTTPStatus.UNAUTHORIZED
    answer = send([checkpoint(3)], made.secret).json()
    assert (answer["accepted"], answer["directives"]) == (0, [])


def test_asking_where_nothing_waits_holds_up_no_writer(token: NewToken) -> None:
    send([checkpoint(1, 1)], token.secret)
    with CaptureQueriesContext(connection) as asked:
        assert fetch(token.secret).json() == {"directives": []}
    assert all(query["sql"].startswith("SELECT") for query in asked)
