"""The pages of storage, with a policy, a schedule, a prune and a trash to show."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

AGENT = "researcher"
BY_QUERY = "/bulk/?q=kind%3Aroutine+age%3C30d+pinned%3Ano"


def stored(page: Page) -> dict[str, str]:
    """Set a policy and a schedule, prune one agent by it, and return where it all is shown."""
    page.goto(f"/storage/policies/?q={AGENT}")
    page.locator("#rows tr").filter(has_text=AGENT).locator("a.button").click()
    policy = _path(page)
    page.get_by_label("Name", exact=True).fill("A week of days")
    page.get_by_label("Newest", exact=True).fill("9")
    page.get_by_label("Days", exact=True).fill("7")
    page.get_by_label("Recovery younger than").fill("7d")
    page.get_by_role("button", name="What would go now?").click()
    expect(page.locator("#simulation")).to_contain_text("would go now")
    page.get_by_role("button", name="Set it").click()
    schedule = _schedule(page)
    page.goto(policy)
    page.get_by_role("button", name="Prune now…").click()
    page.wait_for_url("**/operations/**")
    draft = _path(page)
    _prune(page, policy)
    return {
        "storage": "/storage/",
        "storage-fields": "/storage/?by=agent&range=24h&eats=fields",
        "policies": "/storage/policies/",
        "policy": policy,
        "policies-of-agent": f"/storage/policies/agents/{policy.split('/')[-2]}/",
        "schedules": "/storage/schedules/",
        "schedule": schedule,
        "draft-prune": draft,
        "prune-plan": f"{draft}plan/",
        "prune-plan-stays": f"{draft}plan/?show=stays",
        "trash": "/storage/trash/",
        "by-query": BY_QUERY,
        "by-query-help": "/bulk/",
    }


def _schedule(page: Page) -> str:
    """Add a schedule whose first run would remove so much that it waits for a person."""
    page.get_by_role("link", name="Add a schedule…").click()
    page.get_by_label("Name", exact=True).fill("Nightly")
    page.get_by_label("By itself at most, in percent").fill("5")
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url("**/storage/schedules/*/")
    schedule = _path(page)
    page.get_by_role("button", name="Run now").click()
    for _ in range(40):
        if page.get_by_text("waits for approval").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(page.get_by_text("waits for approval")).to_be_visible()
    return schedule


def _prune(page: Page, policy: str) -> None:
    """Preview a second prune, and confirm it."""
    page.goto(policy)
    page.get_by_role("button", name="Prune now…").click()
    page.wait_for_url("**/operations/**")
    page.get_by_role("textbox", name="Why").fill("The disk is nearly full.")
    page.locator("#id_typed").fill(AGENT)
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.locator("#status .state").first).to_have_text("succeeded", timeout=20_000)


def _path(page: Page) -> str:
    return urlsplit(page.url).path
