"""A world to look at and a page that writes down its complaints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.browsing import open_browser
from tests.browser.worlds import World, a_world


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with open_browser(chromium) as browser:
        yield browser


@pytest.fixture(scope="module")
def world(
    browser: Browser, samples: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with a_world(browser, samples, tmp_path_factory.mktemp("world")) as world:
        yield world
