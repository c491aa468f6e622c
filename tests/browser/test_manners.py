"""How pages behave under the hand: hostile names, live rows, keys, the theme, the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

import checkpoints
from tests.browser.browsing import DESKTOP, PHONE, Watched, log_in, new_context
from tests.browser.worlds import add_source, open_agent, wait_until_read
from tests.histories import manager
from tests.instances import Instance, running_instance

HOSTILE = """<img src=x onerror="document.title='owned'"><b hx-get=/ hx-trigger=load>"""
LONG = "n" * 190
SOON = 15_000
LOADED_MILLISECONDS = 600


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
    _save_long(url)
    return url


def _save_long(url: str) -> None:
    with checkpoints.CheckpointManager(LONG, store=url, thread=LONG) as agent_manager:
        for step in range(3):
            agent_manager.create_checkpoint(
                state={LONG * 10: {LONG * 10: step}}, step_name=LONG, metadata={LONG: LONG}
            )


@pytest.fixture(scope="module")
def watched(browser: Browser, instance: Instance, url: str) -> Iterator[Watched]:
    context = new_context(browser, instance, cookies=log_in(browser, instance))
    watched = Watched(context.new_page())
    add_source(watched.page, url, LONG)
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


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_long_names_never_make_a_page_wider_than_the_window(
    browser: Browser, instance: Instance, watched: Watched, width: int
) -> None:
    cookies = watched.page.context.storage_state()
    context = new_context(browser, instance, cookies=cookies, width=width)
    page = context.new_page()
    assert {path: over for path in _long_places(page) if (over := _overflow(page, path))} == {}
    context.close()


def _long_places(page: Page) -> list[str]:
    """Return the pages of the agent with long names."""
    page.goto("/agents/")
    page.locator("td a").filter(has_text="nnnn").first.click()
    page.wait_for_url("**/agents/*/**")
    timeline = urlsplit(page.url).path
    page.locator("table[data-rows] tbody tr").nth(1).locator("td a").first.click()
    page.wait_for_url("**/checkpoints/**")
    own = urlsplit(page.url).path
    parts = ("", "state/", "diff/", "restore/")
    return ["/", "/agents/", "/sources/", "/operations/", timeline, *(own + part for part in parts)]


def _overflow(page: Page, path: str) -> int:
    """Open a page with its state's first level unfolded; return the pixels beyond the window."""
    page.goto(path)
    page.wait_for_timeout(LOADED_MILLISECONDS)
    for summary in page.locator(".tree summary").all():
        summary.click()
    page.wait_for_timeout(LOADED_MILLISECONDS)
    over: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(over, 0)


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_the_menus_of_a_source_open_within_the_window(
    browser: Browser, instance: Instance, watched: Watched, width: int
) -> None:
    cookies = watched.page.context.storage_state()
    context = new_context(browser, instance, cookies=cookies, width=width)
    page = context.new_page()
    page.goto("/sources/")
    for name in ("Care", "Remove"):
        menu = page.locator("main details").filter(has_text=name).first
        menu.locator("summary").click()
        sheet = menu.locator(".menu-sheet").bounding_box()
        assert sheet is not None
        assert sheet["x"] >= 0
        assert sheet["x"] + sheet["width"] <= width
        menu.locator("summary").click()
    context.close()


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
