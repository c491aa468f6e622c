"""What agents reported, where an operator sees it, and the directives that an operator leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus

import pytest
from django.test import Client

from dashboard.models import (
    AuditEvent,
    Checkpoint,
    Directive,
    DirectiveOutcome,
    DirectiveState,
    Effect,
    Failure,
    Resume,
    Source,
    Thread,
    User,
)
from tests.dashboard.index import make_thread

pytestmark = pytest.mark.django_db
WHY = "it went astray"


@pytest.fixture
def thread(now: datetime) -> Thread:
    """A thread of three checkpoints, a minute apart, in a store that is only reported about."""
    made = make_thread(now)
    Source.objects.update(connected=False)
    return made


def row(thread: Thread, step: int) -> Checkpoint:
    return thread.checkpoints.get(step=step)


def text(browser: Client, path: str) -> str:
    response = browser.get(path)
    assert response.status_code == HTTPStatus.OK
    return str(response.content.decode())


def agent_page(browser: Client, thread: Thread) -> str:
    return text(browser, f"/agents/{thread.agent_id}/")


def an_effect(thread: Thread, key: str, step: int) -> Effect:
    at = row(thread, step).created_at
    return Effect.objects.create(
        thread=thread,
        name="mail",
        key=key,
        checkpoint_id=row(thread, step).checkpoint_id,
        at=at + timedelta(seconds=1),
        received_at=at,
    )


def leave(browser: Client, checkpoint: Checkpoint, key: str = "k", reason: str = WHY) -> int:
    form = {"reason": reason, "idempotency_key": key}
    return browser.post(f"/checkpoints/{checkpoint.pk}/directive/", form).status_code


def test_an_agents_page_shows_its_last_failures(
    browser: Client, thread: Thread, now: datetime
) -> None:
    Failure.objects.create(
        thread=thread,
        item_id="i",
        error_type="builtins.ValueError",
        message="<no such page>",
        traceback="Traceback: line 1",
        step=2,
        at=now,
        received_at=now,
    )
    page = agent_page(browser, thread)
    assert "builtins.ValueError" in page
    assert "&lt;no such page&gt;" in page
    assert "Traceback: line 1" in page


def test_an_agents_page_counts_the_resumes_that_went_on(
    browser: Client, thread: Thread, now: datetime
) -> None:
    outcomes = ["succeeded"] * 6 + ["failed", "succeeded", "resumed"]
    for number, outcome in enumerate(outcomes):
        at = now + timedelta(minutes=number)
        Resume.objects.create(thread=thread, run_id=f"r{number}", outcome=outcome, at=at)
    page = agent_page(browser, thread)
    assert "7 of 8" in page
    assert "one has yet to" in page


def test_an_agent_that_reported_nothing_else_has_none_of_it(
    browser: Client, thread: Thread
) -> None:
    page = agent_page(browser, thread)
    assert not any(word in page for word in ("Last failures", "Last effects", ">Resumes<"))


def test_a_checkpoint_shows_the_effects_of_its_time(browser: Client, thread: Thread) -> None:
    an_effect(thread, "invoice-1", 0)
    an_effect(thread, "invoice-2", 1)
    page = text(browser, f"/checkpoints/{row(thread, 1).pk}/")
    assert "invoice-2" in page
    assert "invoice-1" not in page


def test_a_restore_page_lists_the_effects_that_may_be_repeated(
    browser: Client, thread: Thread
) -> None:
    for step in range(3):
        an_effect(thread, f"invoice-{step}", step)
    page = text(browser, f"/checkpoints/{row(thread, 1).pk}/restore/")
    assert [f"invoice-{step}" in page for step in range(3)] == [False, True, True]
    assert "may repeat them" in page


def test_a_directive_is_left_shown_and_taken_back(browser: Client, thread: Thread) -> None:
    assert leave(browser, row(thread, 0)) == HTTPStatus.FOUND

    [left] = Directive.objects.all()
    assert left.parameters == {"checkpoint_id": row(thread, 0).checkpoint_id}
    assert "A directive waits for this agent" in agent_page(browser, thread)
    browser.post(f"/directives/{left.pk}/cancel/")
    left.refresh_from_db()
    assert left.state == DirectiveState.CANCELLED
    assert "A directive waits" not in agent_page(browser, thread)
    actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["directive.left", "directive.cancelled"]


def test_a_restore_that_the_agent_carried_out_is_the_last_restore(
    browser: Client, thread: Thread, now: datetime
) -> None:
    leave(browser, row(thread, 0))
    assert "none so far" in agent_page(browser, thread)
    Directive.objects.update(
        state=DirectiveState.ACKNOWLEDGED, outcome=DirectiveOutcome.APPLIED, finished_at=now
    )
    page = agent_page(browser, thread)
    assert "by a directive of" in page
    assert "none so far" not in page


def test_what_agents_have_yet_to_answer_stands_with_the_operations(
    browser: Client, thread: Thread
) -> None:
    assert "Left for agents" not in text(browser, "/operations/")
    leave(browser, row(thread, 0))
    page = text(browser, "/operations/")
    assert "Left for agents" in page
    assert row(thread, 0).checkpoint_id in page


def test_two_clicks_leave_one_directive(browser: Client, thread: Thread) -> None:
    answers = [leave(browser, row(thread, 0)) for _ in range(2)]
    assert answers == [HTTPStatus.FOUND, HTTPStatus.FOUND]
    assert Directive.objects.count() == 1


def test_a_click_is_not_taken_for_another_checkpoint(browser: Client, thread: Thread) -> None:
    assert leave(browser, row(thread, 0)) == HTTPStatus.FOUND
    assert leave(browser, row(thread, 1)) == HTTPStatus.CONFLICT
    assert Directive.objects.get().parameters == {"checkpoint_id": row(thread, 0).checkpoint_id}


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch"])
def test_directives_are_left_and_taken_back_by_posts_alone(
    browser: Client, thread: Thread, method: str
) -> None:
    leave(browser, row(thread, 0))
    for path in (
        f"/checkpoints/{row(thread, 0).pk}/directive/",
        f"/directives/{Directive.objects.get().pk}/cancel/",
    ):
        answer = getattr(browser, method)(path)
        assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert Directive.objects.get().is_open


def test_directives_need_the_token_of_a_form(browser: Client, thread: Thread, person: User) -> None:
    leave(browser, row(thread, 0))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person)
    assert leave(strict, row(thread, 1), key="other") == HTTPStatus.FORBIDDEN
    path = f"/directives/{Directive.objects.get().pk}/cancel/"
    assert strict.post(path).status_code == HTTPStatus.FORBIDDEN
    assert Directive.objects.get().is_open


def test_a_second_directive_waits_for_the_first_to_end(browser: Client, thread: Thread) -> None:
    leave(browser, row(thread, 0))
    assert leave(browser, row(thread, 1), key="other") == HTTPStatus.CONFLICT
    assert Directive.objects.count() == 1


def test_a_directive_needs_a_reason(browser: Client, thread: Thread) -> None:
    assert leave(browser, row(thread, 0), reason=" ") == HTTPStatus.UNPROCESSABLE_ENTITY
    assert not Directive.objects.exists()


def test_the_head_needs_no_directive(browser: Client, thread: Thread) -> None:
    assert leave(browser, row(thread, 2)) == HTTPStatus.CONFLICT


def test_a_connected_store_is_restored_and_given_no_directive(
    browser: Client, thread: Thread
) -> None:
    Source.objects.update(connected=True)
    assert leave(browser, row(thread, 0)) == HTTPStatus.CONFLICT
    assert not Directive.objects.exists()


def test_nobody_leaves_or_cancels_without_logging_in(client: Client, thread: Thread) -> None:
    assert leave(client, row(thread, 0)) == HTTPStatus.FOUND
    assert not Directive.objects.exists()


def test_a_directive_that_is_not_there_is_not_found(browser: Client) -> None:
    path = "/directives/01a1fe6c-b7b0-7ace-81a5-89076258fd1e/cancel/"
    assert browser.post(path).status_code == HTTPStatus.NOT_FOUND
