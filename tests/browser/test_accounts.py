"""From the one-time link to a password, an authenticator app and a passkey."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.browsing import Watched, new_context
from tests.instances import Instance, running_instance

PASSWORD = "a long enough phrase"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance by its name: passkeys are bound to names, not to addresses."""
    with running_instance(tmp_path_factory.mktemp("data")) as found:
        urls = [url.replace("127.0.0.1", "localhost") for url in (found.url, found.login_url)]
        yield Instance(urls[0], urls[1], found.data_dir)


@pytest.fixture(scope="module")
def watched(browser: Browser, instance: Instance) -> Iterator[Watched]:
    """The page of somebody who came by the link and has set a password."""
    context = new_context(browser, instance)
    watched = Watched(context.new_page())
    page = watched.page
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto(instance.login_url)
    for label in ("Password", "Password (again)"):
        page.get_by_label(label, exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set it").click()
    yield watched
    context.close()


def test_a_passkey_can_be_added_and_logs_in(watched: Watched) -> None:
    page = watched.page
    _go(page, "/accounts/2fa/webauthn/add/")
    page.get_by_label("Name").fill("laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    expect(page).not_to_have_url(re.compile("webauthn/add"))
    page.goto("/accounts/2fa/")
    expect(page.get_by_text("You have added 1 security key")).to_be_visible()
    _log_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert watched.complaints == []


def test_an_authenticator_app_can_scan_its_code(watched: Watched) -> None:
    page = watched.page
    _go(page, "/accounts/2fa/totp/activate/")
    code = page.get_by_role("img", name="QR code").locator("path")
    assert len(code.get_attribute("d") or "") > 1000
    assert watched.complaints == []


def _go(page: Page, path: str) -> None:
    """Open a page that may ask for the password once more."""
    page.goto(path)
    if page.get_by_role("heading", name="Confirm that it is you").is_visible():
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()


def _log_out(page: Page) -> None:
    page.goto("/")
    page.locator(".side details.menu summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
