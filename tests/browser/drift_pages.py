"""The pages of drift, with an agent that truly drifted to show."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.histories import DRIFTING

FOUND_SECONDS = 60


def drifted(page: Page) -> dict[str, str]:
    """Wait until the worker has found the drift, and return where it is shown."""
    page.goto(f"/agents/?q={DRIFTING}")
    page.get_by_role("link", name=DRIFTING, exact=True).click()
    for _ in range(FOUND_SECONDS):
        if page.get_by_text("It drifts since").count():
            break
        page.wait_for_timeout(1_000)
        page.reload()
    timeline = urlsplit(page.url).path
    page.get_by_role("link", name="See it").click()
    page.wait_for_url("**/drift/*/")
    alert = urlsplit(page.url).path
    tuning = page.get_by_role("link", name="How closely it is watched").get_attribute("href")
    return {
        "drift": "/drift/?state=all",
        "drift-alert": alert,
        "drift-tuning": str(tuning),
        "timeline-drifting": timeline,
    }
