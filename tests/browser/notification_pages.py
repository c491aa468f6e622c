"""The pages of notifications, with a channel whose server is away."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect


def told(page: Page) -> dict[str, str]:
    """Add a webhook that nobody listens at, send a test, and return where it all is shown."""
    page.goto("/settings/notifications/add/")
    page.get_by_label("Webhook").check()
    page.get_by_label("Name").fill("On call")
    page.get_by_label("Address").fill("http://127.0.0.1:9/hook")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("Copy it now:")).to_be_visible()
    page.goto("/settings/notifications/")
    page.get_by_role("link", name="On call").click()
    channel = urlsplit(page.url).path
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Test: Holdfast reaches On call")).to_be_visible()
    return {
        "notifications": "/settings/notifications/",
        "channel": channel,
        "channel-add": "/settings/notifications/add/",
        "channel-rule": f"{channel}rules/add/",
    }
