"""The page on which checkpoints are found by a query and acted on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from dashboard.models import Checkpoint, Operation, Role, User
from tests.dashboard.people import join, log_in
from tests.dashboard.yards import Yard, make_yard

HOSTILE = """<img src=x onerror=alert(1)>"'`{{7*7}}{% debug %}</script>"""


@pytest.fixture
def yard(person: User, tmp_path: Path) -> Yard:
    return make_yard(tmp_path)


def form(browser: Client, text: str, **more: str) -> dict[str, str]:
    """Return the form that the page shows beneath what it found."""
    body = browser.get("/bulk/", {"q": text}).content.decode()
    found = re.search(r'name="digest" value="(\w+)"', body)
    assert found
    return {"q": text, "digest": found[1], **more}


def test_without_a_query_the_language_is_explained(browser: Client, yard: Yard) -> None:
    body = browser.get("/bulk/").content.decode()

    assert "What can be asked" in body
    assert "size&gt;1MB" in body


def test_an_estimate_and_rows_are_shown_before_anything_is_done(
    browser: Client, yard: Yard
) -> None:
    body = browser.get("/bulk/", {"q": "agent:billing"}).content.decode()

    assert "these 8" in body
    assert body.count('<a class="mono" href="/checkpoints/') == 8
    assert "Prune…" in body


@pytest.mark.parametrize("text", ["agnet:x", "size>big", 'agent:"x', "9" * 10_000])
def test_what_is_not_understood_is_said_at_the_field(browser: Client, text: str) -> None:
    answer = browser.get("/bulk/", {"q": text})

    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()


def test_a_prune_of_one_source_leads_to_its_preview(browser: Client, yard: Yard) -> None:
    answer = browser.post("/bulk/prune/", form(browser, "agent:billing step<3"))

    assert answer.headers["Location"] == f"/operations/{Operation.objects.get().pk}/"
    assert Operation.objects.get().state == "draft"


def test_where_nothing_can_go_the_page_says_so(browser: Client, yard: Yard) -> None:
    body = browser.post("/bulk/prune/", form(browser, "head:yes")).content.decode()

    assert "every checkpoint is kept" in body
    assert not Operation.objects.exists()


def test_pinning_and_unpinning_say_what_came_of_it(browser: Client, yard: Yard) -> None:
    order = form(browser, "agent:crawler", reason="evidence")

    assert "4 pinned." in browser.post("/bulk/pin/", order).content.decode()
    assert "4 were so already" in browser.post("/bulk/pin/", order).content.decode()
    assert Checkpoint.objects.filter(pinned=True).count() == 4
    assert "4 unpinned." in browser.post("/bulk/unpin/", order).content.decode()
    assert not Checkpoint.objects.filter(pinned=True).exists()


def test_reading_back_says_what_came_of_it(browser: Client, yard: Yard) -> None:
    body = browser.post("/bulk/read-back/", form(browser, "agent:crawler")).content.decode()

    assert "4 read back as they were saved." in body


def test_what_was_not_seen_is_not_acted_on(browser: Client, yard: Yard) -> None:
    order = {"q": "agent:crawler", "digest": "0" * 64, "reason": "evidence"}

    answer = browser.post("/bulk/pin/", order, follow=True)

    assert "finds something else than it did" in answer.content.decode()
    assert not Checkpoint.objects.filter(pinned=True).exists()


def test_a_viewer_finds_but_may_not_act(yard: Yard) -> None:
    viewer = log_in(join(User.objects.create_user("viewer"), Role.VIEWER))

    body = viewer.get("/bulk/", {"q": "agent:crawler"}).content.decode()

    assert "you need the role operator" in body
    assert viewer.post("/bulk/pin/", {"q": "agent:crawler", "reason": "x"}).status_code == 403


def test_names_and_queries_are_shown_as_text(browser: Client, yard: Yard) -> None:
    agent = yard.agent("billing")
    agent.agent_id = HOSTILE
    agent.save()
    for text in ("onerror", HOSTILE):
        body = browser.get("/bulk/", {"q": text}).content.decode()
        assert "<img src=x" not in body
        assert "&lt;img src=x" in body
