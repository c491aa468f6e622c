"""The pages of drills, with proofs, a failure and an objective that is missed to show."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

SOURCES = ("Production agents", "Kaizen workers", "Rescued from a broken disk", "Support graphs")
MISSED = "researcher"


def drilled(page: Page) -> dict[str, str]:
    """Drill each source, set an objective, and return where it all is shown."""
    drills = {name: _drill(page, name) for name in SOURCES}
    page.goto("/drills/")
    row = page.locator("#rows tr").filter(has_text=MISSED)
    row.locator("summary").click()
    row.get_by_label("A clean checkpoint at least every").fill("5min")
    row.get_by_role("button", name="Set it").click()
    expect(page.locator("#rows tr").filter(has_text=MISSED)).to_contain_text("5min")
    return {
        "drills": "/drills/",
        "drill": drills["Production agents"],
        "drill-failed": drills["Rescued from a broken disk"],
    }


def _drill(page: Page, source: str) -> str:
    """Press the button beside a source and wait until its drill has ended."""
    page.goto("/drills/")
    rhythms = page.get_by_role("region", name="How often")
    rhythms.get_by_role("button", name=f"Rehearse now {source}").click()
    page.wait_for_url("**/drills/*/")
    expect(page.get_by_text("Ended", exact=True)).to_be_visible(timeout=60_000)
    return urlsplit(page.url).path
