"""How pages behave under the hand: hostile names, live rows, keys, the theme, the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

import checkpoints
from tests.browser.browsing import Watched, log_in, new_context
from tests.browser.worlds import add_source, open_agent, wait_until_read
from tests.histories import manager
from tests.instances import Instance, running_instance

HOSTILE = """<img src=x onerror="document.title='owned'"><b hx-get=/ hx-trigger=load>"""
SOON = 15_000


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running_instance(tmp_path_factory.mktemp("data")) as instance:
        yield instance


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store whose agent, thread, steps and state hold what an attacker would write."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}/agents.db"
    for agent, thread in (("walker", "main"), (HOSTILE, HOSTILE)):
        with checkpoints.CheckpointManager(agent, store=url, thread=thread) as agent_manager:
            for step in range(6):
                agent_manager.create_checkpoint(
                    state={HOSTILE: [HOSTILE, step], "step": step},
                    step_name=HOSTILE if agent == HOSTILE else f"step-{step}",
                    metadata={"error": HOSTILE},
                )
    return url


@pytest.fixture(scope="module")
def watched(browser: Browser, instance: Instance, url: str) -> Iterator[Watched]:
    context = new_context(browser, instance, cookies=log_in(browser, instance))
    watched = Watched(context.new_page())
    add_source(watched.page, url, "attacked")
    wait_until_read(watched.page, sources=1)
    yield watched
    context.close()


def test_hostile_names_and_states_are_text_on_every_page(watched: Watched) -> None:
    page = watched.page
    open_agent(page, HOSTILE)
    expect(page.locator("[data-timeline] svg .mark").first).to_be_visible()
    page.get_by_role("button", name="Sequence").click()
    page.locator("[data-timeline] svg .mark").first.hover()
    expect(page.locator(".tip")).to_contain_text("<img")
    page.locator("table[data-rows] tbody tr td a").first.click()
    page.locator(".tree summary").first.click()
    expect(page.locator(".tree .leaf .value").first).to_contain_text("<img")
    expect(page.locator(".change .path").first).to_be_visible()
    assert page.locator("img").count() == 0
    assert "owned" not in page.title()
    assert watched.complaints == []


def test_new_rows_come_in_by_themselves(watched: Watched, url: str) -> None:
    page = watched.page
    open_agent(page, "walker")
    rows = page.locator("table[data-rows] tbody tr[data-href]")
    before = rows.count()
    _save_two(url)
    expect(rows).to_have_count(before + 2, timeout=SOON)
    expect(rows.first.locator("[data-head-badge]")).to_be_visible()
    expect(page.locator("[data-head-badge]:visible")).to_have_count(1)


def test_new_rows_wait_while_the_pointer_is_on_the_list(watched: Watched, url: str) -> None:
    page = watched.page
    open_agent(page, "walker")
    rows = page.locator("table[data-rows] tbody tr[data-href]")
    before = rows.count()
    rows.nth(2).hover()
    _save_two(url)
    expect(page.locator("#news button")).to_have_text("2 new", timeout=SOON)
    assert rows.count() == before
    page.locator("#news button").click()
    expect(rows).to_have_count(before + 2)


def test_keys_walk_select_compare_and_help(watched: Watched) -> None:
    page = watched.page
    open_agent(page, "walker")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    for key in ("j", "x", "j", "x", "d"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="What changed")).to_be_visible()


def test_a_mark_is_selected_by_a_click_and_compared_by_another_with_shift(
    watched: Watched,
) -> None:
    page = watched.page
    open_agent(page, "walker")
    marks = page.locator("[data-timeline] svg .mark")
    expect(marks.first).to_be_visible()
    page.get_by_role("button", name="Sequence").click()
    marks.nth(1).click()
    expect(page.locator("[data-selection]")).to_contain_text("step 2")
    marks.nth(3).click(modifiers=["Shift"])
    expect(page.get_by_role("heading", name="What changed")).to_be_visible()


def test_the_theme_is_kept_and_there_at_the_first_paint(watched: Watched) -> None:
    page = watched.page
    page.goto("/")
    page.locator(".side details.menu summary").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload(wait_until="commit")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def _save_two(url: str) -> None:
    with manager(url, "walker", lambda: datetime.now(UTC)) as walker:
        walker.resume()
        for number in range(2):
            walker.create_checkpoint(state={"late": number}, step_name="late")
