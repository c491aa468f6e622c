"""The pages of operations: every kind from its draft to its end, and every state."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

import checkpoints
from dashboard.models import (
    AuditEvent,
    Operation,
    OperationKind,
    OperationState,
    Project,
    Role,
    User,
)
from dashboard.services import operations
from dashboard.services.operations import PruneOf, Scope
from dashboard.services.operations.erasures import receipt_digest
from tests.benches import Bench, Clock, register, save_steps
from tests.dashboard.people import join

pytestmark = pytest.mark.django_db
HOSTILE = """<img src=x onerror=alert(1)>"'`{{7*7}}</script>"""

Draft = Callable[[Bench], Operation]


@pytest.fixture
def bench(tmp_path: Path, person: User) -> Bench:
    """A store of ``ada``'s project with her as the one who drafts."""
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url, steps=16)
    bench = register(url, thread_id="main", clock=Clock(timezone.now()))
    bench.user = join(person, Role.ADMIN)
    bench.user.authenticated_at = bench.clock()
    return bench


def draft_restore(bench: Bench) -> Operation:
    return operations.draft_restore(
        user=bench.user,
        checkpoint_pk=bench.rows()[1].pk,
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )


def draft_fork(bench: Bench) -> Operation:
    return operations.draft_fork(
        user=bench.user,
        checkpoint_pk=bench.rows()[1].pk,
        thread_id="aside",
        edits=[checkpoints.Edit(path=("step",), value={"now": HOSTILE})],
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )


def draft_prune(bench: Bench, newest: int = 2) -> Operation:
    policy = checkpoints.RetentionPolicy(newest=newest)
    return operations.draft_prune(
        user=bench.user,
        scope=Scope(source=bench.source, agent=bench.thread().agent),
        wanted=[PruneOf(thread=bench.thread(), policy=policy)],
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )


def draft_erase(bench: Bench) -> Operation:
    return operations.draft_erase(
        user=bench.user,
        source=bench.source,
        thread_id="main",
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )


def draft_verify(bench: Bench) -> Operation:
    return operations.draft_verify(
        user=bench.user, source=bench.source, idempotency_key=uuid4().hex, now=bench.clock()
    )


DRAFTS: dict[str, Draft] = {
    "restore": draft_restore,
    "edit_fork": draft_fork,
    "prune": draft_prune,
    "erase": draft_erase,
    "verify": draft_verify,
}


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return answer.content.decode()


def form_of(operation: Operation, **more: str) -> dict[str, str]:
    return {"reason": "it went astray", "plan_hash": operation.plan_hash, **more}


@pytest.mark.parametrize("kind", DRAFTS)
def test_a_draft_of_each_kind_is_confirmed_on_its_page_and_runs(
    browser: Client, bench: Bench, kind: str
) -> None:
    operation = DRAFTS[kind](bench)
    path = f"/operations/{operation.pk}/"
    body = text_of(browser, path)
    assert "Nothing was asked for" in body
    assert operation.plan_hash in body
    assert HOSTILE not in body

    answer = browser.post(f"{path}confirm/", form_of(operation, typed=operation.about))

    assert answer.headers["Location"] == path
    assert bench.run(operation).state == OperationState.SUCCEEDED
    assert "Done" in text_of(browser, path)
    assert operation.reason in text_of(browser, path)


def test_a_draft_without_a_reason_is_not_asked_for(browser: Client, bench: Bench) -> None:
    operation = draft_prune(bench)
    path = f"/operations/{operation.pk}/confirm/"
    assert browser.post(path, form_of(operation, reason=" ")).status_code == 422
    operation.refresh_from_db()
    assert operation.state == OperationState.DRAFT


def test_a_double_click_confirms_one_operation(browser: Client, bench: Bench) -> None:
    operation = draft_restore(bench)
    path = f"/operations/{operation.pk}/"
    places = [
        browser.post(f"{path}confirm/", form_of(operation)).headers["Location"] for _ in range(2)
    ]
    assert places == [path, path]
    asked = AuditEvent.objects.filter(action="operation.requested")
    assert [event.target for event in asked] == [str(operation.pk)]


def test_an_old_login_is_led_to_its_confirmation_and_back(
    browser: Client, bench: Bench, settings: Any
) -> None:
    operation = draft_erase(bench)
    settings.HOLDFAST_RECENT_LOGIN_MINUTES = 0
    path = f"/operations/{operation.pk}/"
    body = text_of(browser, path)
    assert f"?next={path}" in body
    assert "Erase for good:" not in body
    answer = browser.post(f"{path}confirm/", form_of(operation), headers={"Referer": path})
    assert answer.status_code == 302
    assert "next=" in answer.headers["Location"]
    operation.refresh_from_db()
    assert operation.state == OperationState.DRAFT


def test_many_removals_ask_for_a_typed_name_and_say_so_when_it_is_missing(
    browser: Client, bench: Bench
) -> None:
    operation = draft_prune(bench)
    path = f"/operations/{operation.pk}/"
    assert 'name="typed"' in text_of(browser, path)
    answer = browser.post(f"{path}confirm/", form_of(operation, typed="another"))
    assert answer.status_code == 409
    assert "Type agent to confirm" in answer.content.decode()


def test_a_prune_of_few_asks_for_no_typed_name(browser: Client, bench: Bench) -> None:
    operation = draft_prune(bench, newest=14)
    assert 'name="typed"' not in text_of(browser, f"/operations/{operation.pk}/")


def test_an_expired_draft_cannot_be_confirmed_and_says_why(browser: Client, bench: Bench) -> None:
    operation = draft_verify(bench)
    Operation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    path = f"/operations/{operation.pk}/"
    body = text_of(browser, path)
    assert "older than 15 minutes" in body
    assert "Preview it again" in body
    assert "disabled" in body
    assert browser.post(f"{path}confirm/", form_of(operation)).status_code == 409


def test_somebody_elses_draft_cannot_be_confirmed_and_is_not_listed(
    browser: Client, bench: Bench
) -> None:
    operation = draft_verify(bench)
    other = Client()
    other.force_login(join(User.objects.create_user("bob")))
    assert "Only who made this draft" in text_of(other, f"/operations/{operation.pk}/")
    assert str(operation.pk) not in text_of(other, "/operations/")
    assert str(operation.pk) in text_of(browser, "/operations/")


def test_a_viewer_is_shown_buttons_that_are_disabled_and_why(bench: Bench) -> None:
    bench.user = join(User.objects.create_user("eve"))
    operation = draft_verify(bench)
    join(bench.user, Role.VIEWER)
    client = Client()
    client.force_login(bench.user)
    body = text_of(client, f"/operations/{operation.pk}/")
    assert "This needs the role operator" in body
    assert "disabled" in body


def test_a_second_person_sees_the_plan_and_approves(browser: Client, bench: Bench) -> None:
    Project.objects.update(requires_approval=True)
    operation = draft_fork(bench)
    path = f"/operations/{operation.pk}/"
    second = Client()
    second.force_login(join(User.objects.create_user("bob")))

    browser.post(f"{path}confirm/", form_of(operation))
    own, other = text_of(browser, path), text_of(second, path)
    assert "waits for a second person" in own
    assert "bob, operator may approve it" in own
    assert "You asked for this yourself" in own
    assert f'hx-get="{path}changes/"' in other
    assert "ada asked for it: it went astray" in other
    assert "aside" in other
    assert "asks for your approval: it went astray" in text_of(second, "/")

    second.post(f"{path}approve/", {"plan_hash": operation.plan_hash})
    assert bench.run(operation).state == OperationState.SUCCEEDED
    assert "Approved by" in text_of(browser, path)


def test_a_second_person_may_decline(browser: Client, bench: Bench) -> None:
    Project.objects.update(requires_approval=True)
    operation = draft_restore(bench)
    browser.post(f"/operations/{operation.pk}/confirm/", form_of(operation))
    second = Client()
    second.force_login(join(User.objects.create_user("bob")))
    assert "Decline" in text_of(second, f"/operations/{operation.pk}/")
    second.post(f"/operations/{operation.pk}/cancel/")
    operation.refresh_from_db()
    assert operation.state == OperationState.CANCELLED


def test_a_receipt_can_be_read_and_downloaded(browser: Client, bench: Bench) -> None:
    operation = draft_erase(bench)
    path = f"/operations/{operation.pk}/"
    assert browser.get(f"{path}receipt.json").status_code == 404
    browser.post(f"{path}confirm/", form_of(operation, typed=operation.about))
    bench.run(operation)

    answer = browser.get(f"{path}receipt.json")

    assert "attachment" in answer.headers["Content-Disposition"]
    receipt = json.loads(answer.content)
    assert receipt["sha256"] == receipt_digest(receipt)
    assert receipt["sha256"] in text_of(browser, path)


def test_what_stayed_is_named_with_its_reason_page_by_page(browser: Client, bench: Bench) -> None:
    operation = draft_prune(bench)
    Operation.objects.update(
        state=OperationState.PARTIAL,
        reason="why",
        finished_at=timezone.now(),
        result={"stayed": {f"c-{n:03}": f"reason {n:03}" for n in range(70)}, "stayed_count": 70},
    )
    path = f"/operations/{operation.pk}/"
    first = text_of(browser, path)
    assert "reason 019" in first
    assert "reason 020" not in first
    following = re.search(r'hx-get="([^"]+stayed/\?after=20)"', first)
    assert following
    assert "reason 039" in text_of(browser, following[1])


def test_what_was_overwritten_calls_until_somebody_says_that_it_was_seen(
    browser: Client, bench: Bench
) -> None:
    operation = draft_restore(bench)
    Operation.objects.update(
        state=OperationState.SUPERSEDED,
        reason="why",
        finished_at=timezone.now(),
        result={"restored_id": "restored-one", "head_id": "written-since"},
    )
    overview = text_of(browser, "/")
    assert "overwritten by a live run" in overview
    assert "restored-one" in overview
    assert "written-since" in overview
    own = text_of(browser, f"/operations/{operation.pk}/")
    assert "Mark as seen" in own
    assert f'href="/checkpoints/{bench.rows()[1].pk}/restore/">Restore it again' in own

    browser.post(f"/operations/{operation.pk}/acknowledge/")

    assert "overwritten by a live run" not in text_of(browser, "/")
    assert "Seen by" in text_of(browser, f"/operations/{operation.pk}/")


def test_a_failure_that_nobody_waited_for_calls_too(browser: Client, bench: Bench) -> None:
    draft_verify(bench)
    ended = {"state": OperationState.FAILED, "reason": "the nightly one", "message": "No such."}
    Operation.objects.update(finished_at=timezone.now(), **ended)
    assert "No such." not in text_of(browser, "/")
    Operation.objects.update(requested_by=None)
    assert "No such." in text_of(browser, "/")
    assert "Holdfast" in text_of(browser, "/operations/")


@pytest.mark.parametrize("state", OperationState.values)
@pytest.mark.parametrize("kind", DRAFTS)
def test_every_state_of_every_kind_can_be_looked_at(
    browser: Client, bench: Bench, kind: str, state: str
) -> None:
    operation = DRAFTS[kind](bench)
    ended = state not in ("draft", "pending_approval", "queued", "running")
    Operation.objects.update(
        state=state, reason="why", finished_at=timezone.now() if ended else None
    )
    for path in (f"/operations/{operation.pk}/", f"/operations/{operation.pk}/status/"):
        assert "get_" not in text_of(browser, path)
    assert str(operation.pk) in text_of(browser, f"/operations/?state={state}&kind={kind}")


@pytest.mark.parametrize(
    ("kind", "state", "says"),
    [
        ("prune", "draft", "holdfast operations confirm {id} --plan-hash {hash} --reason REASON"),
        ("prune", "draft", "--typed agent"),
        ("prune", "draft", "holdfast prune {url} --agent agent --keep-last 2 --reason REASON"),
        ("restore", "succeeded", "holdfast operations undo {id} --reason REASON"),
        ("restore", "pending_approval", "holdfast operations approve {id} --plan-hash {hash}"),
        ("restore", "superseded", "holdfast operations acknowledge {id}"),
        ("verify", "running", "holdfast operations cancel {id}"),
        ("verify", "draft", "holdfast verify {url}"),
        ("erase", "succeeded", "holdfast operations show {id}"),
        ("erase", "succeeded", "holdfast erase {url} --thread main --reason why"),
        ("edit_fork", "failed", "holdfast operations retry {id}"),
        ("edit_fork", "failed", "holdfast fork {url} --thread main --checkpoint"),
    ],
)
def test_each_page_shows_the_same_as_a_command(
    browser: Client, bench: Bench, kind: str, state: str, says: str
) -> None:
    operation = DRAFTS[kind](bench)
    reason = "" if state == "draft" else "why"
    Operation.objects.update(state=state, reason=reason)
    words = {"id": operation.pk, "hash": operation.plan_hash, "url": bench.url}
    assert says.format(**words) in text_of(browser, f"/operations/{operation.pk}/")


@pytest.mark.parametrize("action", ["confirm", "approve", "acknowledge", "undo", "cancel", "retry"])
def test_nothing_is_done_by_looking(browser: Client, bench: Bench, action: str) -> None:
    operation = draft_verify(bench)
    assert browser.get(f"/operations/{operation.pk}/{action}/").status_code == 405


def test_a_prune_is_undone_from_its_page(browser: Client, bench: Bench) -> None:
    operation = draft_prune(bench)
    path = f"/operations/{operation.pk}/"
    browser.post(f"{path}confirm/", form_of(operation, typed=operation.about))
    bench.run(operation)
    assert "In the trash" in text_of(browser, path)

    answer = browser.post(f"{path}undo/", {"reason": "too much", "idempotency_key": "k"})

    undo = Operation.objects.get(kind=OperationKind.UNDO)
    assert answer.headers["Location"] == f"/operations/{undo.pk}/"
    assert bench.run(undo).state == OperationState.SUCCEEDED
    body = text_of(browser, f"/operations/{undo.pk}/")
    assert "Undo of a prune of agent" in body
    assert "prune it again instead" in body
    assert f"holdfast operations show {undo.pk}" in body
    assert "brought back" in text_of(browser, path)
    assert len(bench.rows()) == 16


def test_what_cannot_be_undone_says_why_instead_of_offering_it(
    browser: Client, bench: Bench
) -> None:
    operation = draft_fork(bench)
    path = f"/operations/{operation.pk}/"
    browser.post(f"{path}confirm/", form_of(operation))
    bench.run(operation)
    body = text_of(browser, path)
    assert "Undo…" not in body
    assert "erase the new one instead" in body


def test_a_running_operation_asks_for_its_status_and_an_ended_one_says_so_once(
    browser: Client, bench: Bench
) -> None:
    operation = draft_verify(bench)
    path = f"/operations/{operation.pk}/"
    browser.post(f"{path}confirm/", form_of(operation))
    running = browser.get(f"{path}status/")
    assert "every 700ms" in running.content.decode()
    assert "HX-Trigger-After-Swap" not in running.headers
    bench.run(operation)
    ended = browser.get(f"{path}status/")
    assert "hx-trigger" not in ended.content.decode()
    assert ended.headers["HX-Trigger-After-Swap"] == "holdfast:ended"


def test_an_altered_plan_is_shown_as_such_and_cannot_be_confirmed(
    browser: Client, bench: Bench
) -> None:
    operation = draft_verify(bench)
    Operation.objects.update(plan={"deep": True})
    body = text_of(browser, f"/operations/{operation.pk}/")
    assert "cannot be confirmed" in body
    assert "Read it through</button>" not in body
