"""Every page, in both themes and widths: accessible, within the policy, without an error."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.browsing import DESKTOP, PHONE, Theme, Watched, new_context
from tests.browser.pages import Place, entrance_places, places
from tests.browser.worlds import World

SETTLED_MILLISECONDS = 400
EXPECTED = ("responded with a status of 404", "responded with a status of 403")


@pytest.fixture(scope="module")
def known(browser: Browser, world: World) -> tuple[Place, ...]:
    return places(browser, world)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_page_is_accessible_and_keeps_the_policy(
    browser: Browser, world: World, known: tuple[Place, ...], theme: Theme, width: int
) -> None:
    found = {
        **_look(browser, world, known, theme, width, inside=True),
        **_look(browser, world, entrance_places(), theme, width, inside=False),
    }
    assert found == {}


def _look(
    browser: Browser,
    world: World,
    known: tuple[Place, ...],
    theme: Theme,
    width: int,
    *,
    inside: bool,
) -> dict[str, list[str]]:
    cookies = world.cookies if inside else None
    context = new_context(browser, world.instance, cookies=cookies, width=width, theme=theme)
    watched = Watched(context.new_page())
    found: dict[str, list[str]] = {}
    for place in known:
        watched.page.goto(place.path)
        watched.page.wait_for_timeout(SETTLED_MILLISECONDS)
        wrong = _violations(watched.page) + _too_wide(watched.page) + _unexpected(watched)
        if wrong:
            found[place.name] = wrong
    context.close()
    return found


def _violations(page: Page) -> list[str]:
    """Ask axe for every rule, also those that are best practice only."""
    results: dict[str, Any] = Axe().run(page).response
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:160]}"
        for rule in results["violations"]
        for node in rule["nodes"]
    ]


def _too_wide(page: Page) -> list[str]:
    width: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [f"the page is {width} px too wide"] if width > 0 else []


def _unexpected(watched: Watched) -> list[str]:
    heard = [text for text in watched.complaints if not any(e in text for e in EXPECTED)]
    watched.complaints.clear()
    return heard
