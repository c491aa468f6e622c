"""Operations by the keyboard: from a value in a state to a fork that has ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.browsing import Watched, new_context
from tests.browser.worlds import World, open_agent

SOON = 20_000


@pytest.fixture
def watched(browser: Browser, world: World) -> Iterator[Watched]:
    context = new_context(browser, world.instance, cookies=world.cookies)
    watched = Watched(context.new_page())
    yield watched
    context.close()


def enter(place: Locator) -> None:
    """Go to something and press it, without a pointer."""
    place.focus()
    place.press("Enter")


def open_fork(page: Page) -> None:
    open_agent(page, "crawler-7")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Checkpoint #")).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_role("heading", name="Fork at checkpoint")).to_be_visible()


def choose_budget(page: Page) -> None:
    branch = page.locator("[data-choose] summary").filter(has_text="budget")
    if branch.locator("xpath=..").get_attribute("open") is None:
        enter(branch)
    enter(page.get_by_role("link", name="Edit budget.usd in a fork"))


def test_a_value_is_edited_in_a_fork_that_ends_by_itself(watched: Watched) -> None:
    page = watched.page
    open_fork(page)
    choose_budget(page)
    value = page.get_by_label("New value of budget.usd, as JSON")
    expect(value).to_be_focused()
    value.fill("0.125")
    page.get_by_label("Name of the new thread").fill("by-keyboard")
    enter(page.get_by_role("button", name="Preview the fork"))
    expect(page.locator(".change ins").filter(has_text="0.125")).to_be_visible()
    page.get_by_label("Why").fill("To see what a smaller budget does.")
    enter(page.get_by_role("button", name="Fork with these edits"))
    expect(page.locator("#status .state").first).to_have_text("succeeded", timeout=SOON)
    expect(page.get_by_role("heading", name="What was planned")).to_be_visible()
    assert watched.complaints == []


def test_a_value_that_is_chosen_twice_is_edited_once(watched: Watched) -> None:
    page = watched.page
    open_fork(page)
    choose_budget(page)
    expect(page.locator(".edit")).to_have_count(1)
    choose_budget(page)
    expect(page.get_by_label("New value of budget.usd, as JSON")).to_be_focused()
    expect(page.locator(".edit")).to_have_count(1)
