"""Writes docs/screenshots/<page>-<width>-<theme>.png: every page, on true data.

Run it with ``python -m tests.browser.screenshots``; HOLDFAST_TEST_DATA and HOLDFAST_TEST_CHROMIUM
name the sample stores and the browser where they are not found by themselves.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser.browsing import DESKTOP, PHONE, Theme, new_context, open_browser
from tests.browser.pages import Place, entrance_places, places
from tests.browser.worlds import World, a_world

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "screenshots"
THEMES: tuple[Theme, ...] = ("light", "dark")
COLOURS = 200
TALLEST = {DESKTOP: 1800, PHONE: 2000}
SETTLED_MILLISECONDS = 700


def main() -> None:
    """Take every picture anew."""
    data = Path(os.environ.get("HOLDFAST_TEST_DATA", ROOT.parent / "shared" / "data"))
    executable = os.environ.get("HOLDFAST_TEST_CHROMIUM") or shutil.which("chromium")
    if executable is None or not data.is_dir():
        sys.exit("Chromium or the sample stores are missing; see the top of this module.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_browser(Path(executable)) as browser,
        a_world(browser, data / "samples", Path(folder)) as world,
    ):
        _photograph_all(browser, world)


def _photograph_all(browser: Browser, world: World) -> None:
    known = places(browser, world)
    for width in (DESKTOP, PHONE):
        for theme in THEMES:
            _photograph(browser, world, known, width, theme, inside=True)
            _photograph(browser, world, entrance_places(), width, theme, inside=False)


def _photograph(
    browser: Browser,
    world: World,
    known: tuple[Place, ...],
    width: int,
    theme: Theme,
    *,
    inside: bool,
) -> None:
    cookies = world.cookies if inside else None
    context = new_context(browser, world.instance, cookies=cookies, width=width, theme=theme)
    page = context.new_page()
    for place in known:
        page.goto(place.path)
        page.wait_for_timeout(SETTLED_MILLISECONDS)
        _write(page, FOLDER / f"{place.name}-{width}-{theme}.png", TALLEST[width])
    context.close()


def _write(page: Page, path: Path, tallest: int) -> None:
    """Keep pictures small: the top of long pages, few colours."""
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    cut = picture.crop((0, 0, picture.width, min(picture.height, tallest)))
    cut.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE).save(path, optimize=True)


if __name__ == "__main__":
    main()
