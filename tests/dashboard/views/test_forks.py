"""The pages that draft a fork, an erasure and a verification."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

import checkpoints
from dashboard.models import Operation, OperationKind, OperationState, Role, Source, User
from tests.benches import Bench, Clock, register
from tests.dashboard.people import join

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
HOSTILE = """<img src=x onerror=alert(1)>"'`{{7*7}}"""


@pytest.fixture
def bench(tmp_path: Path, person: User) -> Bench:
    url = f"sqlite:///{tmp_path}/agents.db"
    with checkpoints.CheckpointManager("agent", store=url, run_id="run-9") as manager:
        for step in range(4):
            manager.create_checkpoint(state={"step": step, "plan": ["search", {HOSTILE: HOSTILE}]})
    bench = register(url, thread_id="main", clock=Clock(timezone.now()))
    bench.user = join(person, Role.ADMIN)
    return bench


def fork_path(bench: Bench) -> str:
    return f"/checkpoints/{bench.rows()[1].pk}/fork/"


def nonce(browser: Client, path: str) -> str:
    found = re.search(r'name="nonce" value="([^"]+)"', browser.get(path).content.decode())
    assert found
    return found[1]


def edit(path: list[str | int], value: str, act: str = "set") -> dict[str, str]:
    return {"path": json.dumps(path), "value": value, "act": act}


def form(browser: Client, bench: Bench, *edits: dict[str, str], **more: str) -> dict[str, object]:
    rows = {name: [one[name] for one in edits] for name in ("path", "value", "act")}
    key = nonce(browser, fork_path(bench))
    return {"thread_id": "aside", "nonce": key, **rows, **more}


def test_a_fork_is_previewed_and_changes_nothing_before_it_is_confirmed(
    browser: Client, bench: Bench
) -> None:
    answer = browser.post(fork_path(bench), form(browser, bench))
    draft = Operation.objects.get()
    assert answer.headers["Location"] == f"/operations/{draft.pk}/"
    assert (draft.kind, draft.state) == (OperationKind.FORK, OperationState.DRAFT)
    assert "aside" in browser.get(answer.headers["Location"]).content.decode()


def test_edits_are_shown_as_a_difference_before_they_are_asked_for(
    browser: Client, bench: Bench
) -> None:
    edits = (edit(["step"], "41"), edit(["plan", 0], "", "remove"), edit(["plan"], "", "keep"))
    answer = browser.post(fork_path(bench), form(browser, bench, *edits))
    draft = Operation.objects.get()
    assert draft.kind == OperationKind.EDIT_FORK
    body = browser.get(f"{answer.headers['Location']}changes/", headers=HTMX).content.decode()
    assert "<del>1</del><ins>41</ins>" in body
    assert "search" in body


def test_the_same_form_twice_is_one_draft_and_another_edit_is_another(
    browser: Client, bench: Bench
) -> None:
    values = form(browser, bench, edit(["step"], "41"))
    first, second = (browser.post(fork_path(bench), values) for _ in range(2))
    other = browser.post(fork_path(bench), {**values, "value": ["42"]})
    assert first.headers["Location"] == second.headers["Location"]
    assert other.headers["Location"] != first.headers["Location"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("search", "Text stands in double quotes"),
        ("NaN", "not JSON"),
        ("1e999", "not JSON"),
        ('"\\u0000"', "holds a NUL"),
        ('["\\ud800"]', "half of a surrogate pair"),
        ("9223372036854775808", "more than 64 bits"),
    ],
)
def test_what_is_not_json_is_refused_beside_the_value_that_was_typed(
    browser: Client, bench: Bench, value: str, says: str
) -> None:
    answer = browser.post(fork_path(bench), form(browser, bench, edit(["step"], value)))
    body = answer.content.decode()
    assert answer.status_code == 422
    assert says in body
    assert escape(value) in body
    assert not Operation.objects.exists()


@pytest.mark.parametrize("path", ["{}", "[[1]]", "[]", "no", "[true]"])
def test_what_is_no_path_is_refused(browser: Client, bench: Bench, path: str) -> None:
    values = form(browser, bench, {"path": path, "value": "1", "act": "set"})
    assert browser.post(fork_path(bench), values).status_code == 422


def test_an_edit_that_makes_no_sense_is_refused_with_the_stores_reason(
    browser: Client, bench: Bench
) -> None:
    answer = browser.post(fork_path(bench), form(browser, bench, edit(["step", "x"], "1")))
    body = answer.content.decode()
    assert answer.status_code == 409
    assert "has no parts to edit" in body
    assert 'value="[&quot;step&quot;, &quot;x&quot;]"' in body


def test_a_thread_that_exists_is_not_forked_over(browser: Client, bench: Bench) -> None:
    answer = browser.post(fork_path(bench), form(browser, bench, thread_id="main"))
    assert answer.status_code == 409
    assert not Operation.objects.exists()


def test_a_value_of_the_tree_leads_to_its_edit(browser: Client, bench: Bench) -> None:
    row = bench.rows()[1]
    top = browser.get(f"/checkpoints/{row.pk}/state/", headers=HTMX).content.decode()
    link = re.search(r'href="(/checkpoints/\d+/fork/\?path=[^"]+)"', top)
    assert link
    page = browser.get(link[1]).content.decode()
    part = browser.get(link[1], headers=HTMX).content.decode()
    assert 'value="[&quot;step&quot;]"' in page
    assert "<html" not in part
    assert re.search(r"<textarea[^>]*>\n1</textarea>", part)


def test_hostile_values_are_text_in_the_form(browser: Client, bench: Bench) -> None:
    row = bench.rows()[1]
    top = browser.get(f"/checkpoints/{row.pk}/state/", headers=HTMX).content.decode()
    inner = re.search(r'hx-get="([^"]+\?path=[^"]+)"', top)
    assert inner
    within = browser.get(unquote(inner[1]), headers=HTMX).content.decode()
    link = re.search(r'href="(/checkpoints/\d+/fork/\?path=[^"]+)"', within)
    assert link
    page = browser.get(link[1]).content.decode()
    assert "<img" not in page
    assert "&lt;img" in page


def test_a_store_that_cannot_fork_says_why_on_page_and_button(
    browser: Client, bench: Bench
) -> None:
    Source.objects.update(capabilities={"fork": False, "reasons": {"fork": "it is sealed"}})
    assert "it is sealed." in browser.get(fork_path(bench)).content.decode()
    assert "it is sealed." in browser.get(f"/checkpoints/{bench.rows()[1].pk}/").content.decode()


def test_a_viewer_is_told_the_role_and_offered_no_edit(browser: Client, bench: Bench) -> None:
    join(bench.user, Role.VIEWER)
    row = bench.rows()[1]
    page = browser.get(f"/checkpoints/{row.pk}/").content.decode()
    assert "This needs the role operator" in page
    assert "data-fork" not in page
    assert "data-edit" not in browser.get(f"/checkpoints/{row.pk}/state/").content.decode()
    assert "This needs the role operator" in browser.get(fork_path(bench)).content.decode()


def test_an_erasure_is_previewed_with_what_goes(browser: Client, bench: Bench) -> None:
    path = f"/sources/{bench.source.pk}/erase/"
    page = browser.get(f"{path}?run_id=run-9").content.decode()
    assert 'value="run-9"' in page
    values = {"what": "run_id", "value": "run-9", "agent_id": "", "idempotency_key": "k"}
    answer = browser.post(path, values)
    body = browser.get(answer.headers["Location"]).content.decode()
    assert "What is erased for good" in body
    assert "4 checkpoints of 1 thread" in body
    assert "the whole thread" in body


def test_nothing_to_erase_is_said_and_the_form_kept(browser: Client, bench: Bench) -> None:
    path = f"/sources/{bench.source.pk}/erase/"
    values = {"what": "user_id", "value": "nobody", "agent_id": "", "idempotency_key": "k"}
    answer = browser.post(path, values)
    assert answer.status_code == 409
    assert "Nothing in this store belongs to it" in answer.content.decode()
    assert 'value="nobody"' in answer.content.decode()


def test_an_operator_who_is_no_administrator_cannot_erase(browser: Client, bench: Bench) -> None:
    join(bench.user, Role.OPERATOR)
    body = browser.get(f"/sources/{bench.source.pk}/erase/").content.decode()
    assert "This needs the role administrator" in body
    assert "Preview the erasure" not in body


@pytest.mark.parametrize(("sent", "deep"), [({}, False), ({"deep": "yes"}, True)])
def test_a_source_is_verified_from_its_button(
    browser: Client, bench: Bench, sent: dict[str, str], deep: bool
) -> None:
    answer = browser.post(f"/sources/{bench.source.pk}/verify/", sent)
    draft = Operation.objects.get()
    assert draft.plan == {"deep": deep}
    assert answer.headers["Location"] == f"/operations/{draft.pk}/"


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/checkpoints/{checkpoint}/fork/", "holdfast fork sqlite:///"),
        ("/sources/{source}/erase/", "holdfast erase sqlite:///"),
        ("/storage/", "holdfast prune URL"),
        ("/storage/trash/", "holdfast operations undo"),
    ],
)
def test_a_page_names_its_command_before_anything_is_asked_for(
    browser: Client, bench: Bench, path: str, command: str
) -> None:
    join(bench.user, Role.ADMIN)
    address = path.format(checkpoint=bench.rows()[1].pk, source=bench.source.pk)

    assert command in browser.get(address).content.decode()
