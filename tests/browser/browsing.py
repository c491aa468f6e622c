"""A Chromium that writes down what went wrong on its pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from tests.instances import Instance

Theme = Literal["light", "dark"]
DESKTOP, PHONE = 1440, 390
HEIGHTS = {DESKTOP: 900, PHONE: 844}
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def open_browser(executable: Path) -> Iterator[Browser]:
    """Start Chromium, and end it with the block: its event loop must not outlive the tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(SWITCHES))
        try:
            yield browser
        finally:
            browser.close()


def log_in(browser: Browser, instance: Instance) -> StorageState:
    """Use the one-time link up and return the cookies that it gave."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(instance.login_url)
    state = context.storage_state()
    context.close()
    return state


class Watched:
    """A page with what it complained about: errors, violations of the policy, failed requests."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self._hear("error", str(error)))
        page.on(
            "response",
            lambda answer: (
                self._hear("error", f"{answer.status} {answer.url}")
                if answer.status >= 500
                else None
            ),
        )

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)


def new_context(
    browser: Browser,
    instance: Instance,
    *,
    cookies: StorageState | None = None,
    width: int = DESKTOP,
    theme: Theme = "light",
) -> BrowserContext:
    """Return a context of its own, with a theme chosen as the switch would choose it."""
    context = browser.new_context(
        storage_state=cookies,
        viewport={"width": width, "height": HEIGHTS[width]},
        timezone_id="UTC",
        locale="en-GB",
        base_url=instance.url,
    )
    context.add_cookies([{"name": "theme", "value": theme, "url": instance.url}])
    context.set_default_timeout(15_000)
    return context
