"""Pages: what they answer, and what they make of names that somebody else chose."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client

from dashboard.models import Source
from tests.dashboard.index import make_thread

pytestmark = pytest.mark.django_db
HOSTILE = """<img src=x onerror=alert(1)>"'`{{7*7}}{% debug %}</script>"""
HTMX = {"HX-Request": "true"}


@pytest.fixture
def addresses(now: datetime) -> dict[str, str]:
    thread = make_thread(now)
    agent = f"/agents/{thread.agent_id}/crawler-7/"
    own = f"{agent}threads/{thread.pk}/"
    checkpoint = f"/checkpoints/{thread.checkpoints.get(step=1).pk}/"
    return {
        "overview": "/",
        "agents": "/agents/",
        "agent": agent,
        "agent by id": f"/agents/{thread.agent_id}/",
        "thread": own,
        "rows": f"{own}rows/",
        "news": f"{own}news/?since=0&head=1",
        "new rows": f"{own}new-rows/?since=0",
        "lanes": f"{own}lanes.json?siblings=yes",
        "checkpoint": checkpoint,
        "operations": "/operations/",
        "sources": "/sources/",
        "tokens": "/settings/tokens/",
    }


def test_every_page_answers(browser: Client, addresses: dict[str, str]) -> None:
    assert {
        name: browser.get(path).status_code for name, path in addresses.items()
    } == dict.fromkeys(addresses, 200)


def test_every_page_sends_strangers_to_the_login(client: Client, addresses: dict[str, str]) -> None:
    answers = {
        name: client.get(path).headers.get("Location", "") for name, path in addresses.items()
    }
    assert all(place.startswith("/accounts/login/") for place in answers.values()), answers


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/agents/404/", "look for it by name"),
        ("/checkpoints/404/", "timeline"),
        ("/checkpoints/404/restore/", "timeline"),
        ("/checkpoints/404/state/", "timeline"),
        ("/operations/00000000-0000-0000-0000-000000000000/", "list of operations"),
        ("/agents/?after=nonsense", "open the list anew"),
        ("/agents/?source=abc", "whole number"),
        ("/checkpoints/compare/?pick=1", "Select two checkpoints"),
    ],
)
def test_what_is_not_there_says_what_to_do(browser: Client, path: str, advice: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert advice in answer.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        f"/agents/{10**30}/",
        f"/agents/{2**63}/crawler/",
        f"/agents/1/crawler/threads/{10**30}/",
        f"/checkpoints/{10**30}/",
        f"/checkpoints/{10**30}/restore/",
        f"/checkpoints/compare/?pick=1&pick={10**30}",
    ],
)
def test_a_number_that_no_row_can_have_is_not_found(browser: Client, path: str) -> None:
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize("path", ["settings/tokens/{}/revoke/", "sources/{}/remove/"])
def test_nothing_is_changed_under_a_number_that_no_row_can_have(browser: Client, path: str) -> None:
    assert browser.post("/" + path.format(10**30)).status_code == 404


@pytest.mark.parametrize("span", ["from=99999999999999999&to=1", "from=-5", "from=1e9"])
def test_a_stretch_of_time_that_cannot_be_is_not_found(
    browser: Client, addresses: dict[str, str], span: str
) -> None:
    assert browser.get(f"{addresses['rows']}?{span}").status_code == 404


def test_hostile_names_are_shown_as_text(browser: Client, now: datetime) -> None:
    thread = make_thread(now, agent_id=HOSTILE, thread_id=HOSTILE)
    thread.checkpoints.update(step_name=HOSTILE, run_id=HOSTILE, metadata={HOSTILE: HOSTILE})
    Source.objects.update(name=HOSTILE, health_message=HOSTILE, health="failed")
    row = thread.checkpoints.get(step=1)
    agent = f"/agents/{thread.agent_id}/x/"
    for path in ("/", "/agents/", agent, f"{agent}threads/{thread.pk}/", f"/checkpoints/{row.pk}/"):
        body = browser.get(path).content.decode()
        assert "<img src=x" not in body, path
        assert "&lt;img src=x onerror=alert(1)&gt;" in body, path
        assert "49" not in body.split("&lt;img")[1][:60], path


def test_htmx_gets_rows_alone(browser: Client, addresses: dict[str, str]) -> None:
    body = browser.get(addresses["agents"], headers=HTMX).content.decode()
    assert "<tr" in body
    assert "<html" not in body


def test_two_selected_checkpoints_lead_to_their_difference(browser: Client) -> None:
    answer = browser.get("/checkpoints/compare/?pick=9&pick=4")
    assert answer.headers["Location"] == "/checkpoints/9/diff/?with=4"


def test_a_checkpoint_without_parent_says_that_there_is_nothing_to_compare(
    browser: Client, now: datetime
) -> None:
    row = make_thread(now).checkpoints.get(step=0)
    answer = browser.get(f"/checkpoints/{row.pk}/diff/")
    assert answer.status_code == 404
    assert "no parent" in answer.content.decode()


def test_a_state_that_cannot_be_read_is_said_plainly(browser: Client, now: datetime) -> None:
    row = make_thread(now).checkpoints.get(step=0)
    answer = browser.get(f"/checkpoints/{row.pk}/state/", headers=HTMX)
    assert answer.status_code == 422
    assert "cannot be read now" in answer.content.decode()


def test_a_button_that_may_not_be_used_says_why(browser: Client, now: datetime) -> None:
    thread = make_thread(now)
    body = browser.get(f"/checkpoints/{thread.head_id}/").content.decode()
    assert "This is the head already" in body
    Source.objects.update(connected=False)
    row = thread.checkpoints.get(step=0)
    assert "only report about this store" in browser.get(f"/checkpoints/{row.pk}/").content.decode()


def test_no_page_has_inline_code(browser: Client, addresses: dict[str, str]) -> None:
    for name, path in addresses.items():
        body = browser.get(path).content.decode()
        assert " style=" not in body, name
        assert "<style" not in body, name
        assert not any(f" on{event}=" in body for event in ("click", "load", "error")), name


def test_the_theme_is_in_the_first_byte(browser: Client) -> None:
    browser.cookies["theme"] = "dark"
    assert '<html lang="en" data-theme="dark">' in browser.get("/").content.decode()
    browser.cookies["theme"] = '"><script>'
    assert 'data-theme="system"' in browser.get("/").content.decode()


def test_an_empty_dashboard_teaches_the_five_lines(browser: Client) -> None:
    body = browser.get("/").content.decode()
    assert "http://testserver" in body
    assert "create_checkpoint" in body
