"""Every page of the dashboard, by its name and where it is in a world."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from tests.browser.browsing import new_context
from tests.browser.drift_pages import drifted
from tests.browser.drill_pages import drilled
from tests.browser.notification_pages import told
from tests.browser.reports import FAR_AGENT
from tests.browser.storage_pages import stored
from tests.browser.worlds import World, open_agent

FIXED = {
    "overview": "/",
    "agents": "/agents/",
    "agents-none-fits": "/agents/?q=nobody-has-this-name",
    "operations": "/operations/",
    "sources": "/sources/",
    "tokens": "/settings/tokens/",
    "projects": "/settings/projects/",
    "members": "/settings/projects/1/members/",
    "audit": "/audit/",
    "audit-check": "/audit/check/",
    "confirm-by-link": "/confirm/",
    "password": "/accounts/password/set/",
    "two-factor": "/accounts/2fa/",
    "not-found": "/agents/999999/",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A page: the name of its picture, and its address."""

    name: str
    path: str


def entrance_places() -> tuple[Place, ...]:
    """Return the pages for those who have not logged in."""
    return (Place("login", "/accounts/login/"), Place("expired-link", "/login/used-before/"))


def places(browser: Browser, world: World) -> tuple[Place, ...]:
    """Return every page, after a restore was carried out so that there is one to show."""
    context = new_context(browser, world.instance, cookies=world.cookies)
    page = context.new_page()
    found = {**FIXED, **_timelines(page), **_restored(page), **_reported(page)}
    found |= {**_forked(page, found["checkpoint"]), **_cared(page), **stored(page)}
    found |= {**drilled(page), **_damaged(page), **told(page), **drifted(page)}
    context.close()
    return tuple(Place(name, path) for name, path in found.items())


def _damaged(page: Page) -> dict[str, str]:
    """Return the list of all that is wrong in the source with damaged files."""
    page.goto("/sources/")
    card = page.locator("section.panel").filter(has_text="Rescued from a broken disk").first
    number = str(card.get_attribute("id")).removeprefix("source-")
    return {"findings": f"/sources/{number}/findings/"}


def restore_row(page: Page, row: int, reason: str) -> None:
    """Restore the checkpoint in a row of the timeline, from the preview to its end."""
    page.locator("table[data-rows] tbody tr").nth(row).locator("td a").first.click()
    page.get_by_role("link", name="Restore…").click()
    page.get_by_label("Why").fill(reason)
    page.get_by_role("button", name="Restore #").click()
    expect(page.locator("#status .state").first).to_have_text("succeeded", timeout=20_000)


def _timelines(page: Page) -> dict[str, str]:
    open_agent(page, "crawler-7")
    timeline = _path(page)
    page.locator("table[data-rows] tbody tr").nth(3).locator("td a").first.click()
    checkpoint = _path(page)
    open_agent(page, "etl-agent")
    failed = _path(page)
    open_agent(page, "billing-chain")
    return {
        "timeline": timeline,
        "timeline-failed": failed,
        "timeline-threads": _path(page),
        "checkpoint": checkpoint,
        "checkpoint-state": f"{checkpoint}state/",
        "checkpoint-diff": f"{checkpoint}diff/",
        "restore": f"{checkpoint}restore/",
        "restore-impact": f"{checkpoint}impact/",
    }


def _restored(page: Page) -> dict[str, str]:
    open_agent(page, "approval-flow")
    restore_row(page, 4, "The wrong invoice was approved; go back to before the draft.")
    operation = _path(page)
    page.get_by_role("link", name="See the timeline").click()
    page.wait_for_url("**/agents/**")
    return {"operation": operation, "timeline-restored": _path(page)}


def _forked(page: Page, checkpoint: str) -> dict[str, str]:
    """Edit a value of a checkpoint's state in a fork, up to its preview."""
    page.goto(f"{checkpoint}fork/")
    page.get_by_role("group").locator("summary").filter(has_text="budget").click()
    page.locator("a[data-edit]").filter(has_text="edit").last.click()
    page.locator(".edit textarea").first.fill('{"usd": 0.25}')
    page.get_by_role("button", name="Preview the fork").click()
    page.wait_for_url("**/operations/**")
    return {"fork": f"{checkpoint}fork/", "draft-fork": _path(page)}


def _cared(page: Page) -> dict[str, str]:
    """Verify a source, and preview an erasure in it."""
    source = page.locator("section").filter(has=page.get_by_role("heading", name="Production"))
    page.goto("/sources/")
    source.locator("summary").filter(has_text="Care").click()
    source.get_by_role("link", name="Erase").click()
    erase = _path(page)
    page.get_by_label("Erase what belongs to").select_option("thread_id")
    page.get_by_label("Its id").fill("invoice-2041")
    page.get_by_role("button", name="Preview the erasure").click()
    page.wait_for_url("**/operations/**")
    draft = _path(page)
    page.goto("/sources/")
    source.locator("summary").filter(has_text="Care").click()
    source.get_by_role("button", name="Verify deeply").click()
    page.wait_for_url("**/operations/**")
    page.get_by_label("Why").fill("After the disk was full.")
    page.get_by_role("button", name="Read it through").click()
    expect(page.locator("#status .state").first).to_have_text("succeeded", timeout=20_000)
    return {"erase": erase, "draft-erase": draft, "operation-verify": _path(page)}


def _reported(page: Page) -> dict[str, str]:
    """Leave a directive for an agent whose store is not opened here."""
    open_agent(page, FAR_AGENT)
    timeline = _path(page)
    page.locator("table[data-rows] tbody tr").nth(7).locator("td a").first.click()
    checkpoint = _path(page)
    page.get_by_role("link", name="Restore by directive…").click()
    directive = _path(page)
    page.get_by_label("Why").fill("The prices are wrong from here on.")
    page.get_by_role("button", name="Leave the directive").click()
    expect(page.get_by_text("A directive waits for this agent")).to_be_visible()
    return {
        "timeline-reported": timeline,
        "checkpoint-reported": checkpoint,
        "restore-by-directive": directive,
    }


def _path(page: Page) -> str:
    return urlsplit(page.url).path
