"""An operator's way: log in by the link, browse, restore, watch it finish, undo."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import checkpoints
from tests.browser.browsing import Watched, new_context
from tests.browser.worlds import add_source, open_agent, wait_until_read
from tests.histories import save_histories
from tests.instances import Instance, running_instance

ENDS_WITHIN = 20_000


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    with running_instance(data_dir) as instance:
        yield instance


@pytest.fixture
def watched(browser: Browser, instance: Instance) -> Iterator[Watched]:
    context = new_context(browser, instance)
    yield Watched(context.new_page())
    context.close()


def test_a_native_thread_is_restored_and_the_restore_undone(
    watched: Watched, instance: Instance, tmp_path: Path
) -> None:
    url = save_histories(tmp_path, now=datetime.now(UTC))
    before = _head(url, "researcher", "main")
    page = watched.page
    page.goto(instance.login_url)
    expect(page).to_have_url(re.compile("/accounts/password/set/"))
    add_source(page, url, "Production agents")
    wait_until_read(page, sources=1)

    open_agent(page, "researcher")
    restored = _restore_row(page, 5)
    assert _head(url, "researcher", "main") == restored

    _undo(page)
    assert _head(url, "researcher", "main") == before
    assert watched.complaints == []


def test_a_langgraph_thread_is_restored_and_the_restore_undone(
    watched: Watched, instance: Instance, samples: Path, tmp_path: Path
) -> None:
    for part in samples.glob("langgraph.sqlite*"):
        shutil.copyfile(part, tmp_path / part.name)
    url = f"langgraph+sqlite:///{tmp_path}/langgraph.sqlite"
    before = _state(url, "approval-7")
    page = watched.page
    page.goto(instance.login_url)
    add_source(page, url, "Support graphs")
    wait_until_read(page, sources=1)

    open_agent(page, "approval-flow")
    _restore_row(page, 6)
    restored = _state(url, "approval-7")
    assert restored != before

    _undo(page)
    assert _state(url, "approval-7") == before
    assert watched.complaints == []


def test_the_login_link_works_once(browser: Browser, instance: Instance) -> None:
    first, second = (new_context(browser, instance).new_page() for _ in range(2))
    first.goto(instance.login_url)
    answer = second.goto(instance.login_url)
    assert answer is not None
    assert answer.status == 403
    expect(second.get_by_text("used already")).to_be_visible()
    first.goto("/")
    expect(first.get_by_role("heading", name="Overview")).to_be_visible()


def _restore_row(page: Page, row: int) -> str:
    """Restore what a row shows and watch the operation end; return the id that was asked for."""
    page.locator("table[data-rows] tbody tr").nth(row).locator("td a").first.click()
    page.get_by_role("link", name="Restore…").click()
    page.get_by_label("Why").fill("it went astray after this step")
    page.get_by_role("button", name="Restore #").click()
    expect(page).to_have_url(re.compile("/operations/"))
    expect(page.locator("#status .state").first).to_have_text("succeeded", timeout=ENDS_WITHIN)
    asked = page.locator("dt:has-text('Restore') + dd [data-copy]").get_attribute("data-copy")
    assert asked is not None
    return asked


def _undo(page: Page) -> None:
    page.get_by_text("Undo…").click()
    page.get_by_label("Why").fill("that was the wrong step")
    page.get_by_role("button", name="Restore the previous head").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Undo of a restore")
    expect(page.locator("#status .state").first).to_have_text("succeeded", timeout=ENDS_WITHIN)


def _head(url: str, agent_id: str, thread_id: str) -> str:
    store = checkpoints.open_store(url)
    head = store.head(agent_id, thread_id)
    store.close()
    assert head is not None
    return head.checkpoint_id


def _state(url: str, thread_id: str) -> dict[str, object]:
    """Return the state from which the thread's next run starts."""
    store = checkpoints.open_store(url)
    head = store.head(None, thread_id)
    assert head is not None
    state = store.load(store.get(head.checkpoint_id, thread_id=thread_id))
    store.close()
    return state
