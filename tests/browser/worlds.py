"""A running Holdfast with true stores in it, added the way an operator adds them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser.browsing import log_in, new_context
from tests.browser.reports import report_from_afar
from tests.histories import save_histories
from tests.instances import Instance, running_instance

READ_SECONDS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A running instance, somebody's cookies, and the stores that were added to it."""

    instance: Instance
    cookies: StorageState
    native_url: str


@contextmanager
def a_world(browser: Browser, samples: Path, folder: Path) -> Iterator[World]:
    """Start Holdfast, log in by the link, and add a native, a LangGraph and two Kaizen stores.

    A fifth store is only reported about.
    """
    native = save_histories(folder, now=datetime.now(UTC))
    langgraph = _copy_langgraph(samples, folder)
    kaizen = folder / "kaizen"
    shutil.copytree(samples / "kaizen", kaizen)
    data_dir = folder / "data"
    data_dir.mkdir()
    with running_instance(data_dir) as instance:
        cookies = log_in(browser, instance)
        context = new_context(browser, instance, cookies=cookies)
        page = context.new_page()
        add_source(page, native, "Production agents")
        add_source(page, f"langgraph+sqlite:///{langgraph}", "Support graphs")
        add_source(page, f"kaizen:///{kaizen / 'flat'}", "Kaizen workers")
        add_source(page, f"kaizen:///{kaizen / 'corrupt'}", "Rescued from a broken disk")
        wait_until_read(page, sources=4)
        report_from_afar(instance, folder)
        context.close()
        yield World(instance=instance, cookies=cookies, native_url=native)


def add_source(page: Page, url: str, name: str) -> None:
    """Add a source by the form."""
    page.goto("/sources/")
    page.get_by_label("Where is it?").fill(url)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Add and read it").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def wait_until_read(page: Page, *, sources: int) -> None:
    """Wait until the worker has read every source once."""
    page.goto("/")
    read = page.get_by_role("region", name="Sources").locator("time")
    expect(read).to_have_count(sources, timeout=READ_SECONDS)


def open_agent(page: Page, name: str) -> None:
    """Open an agent's timeline from the list."""
    page.goto("/agents/")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def _copy_langgraph(samples: Path, folder: Path) -> Path:
    for part in samples.glob("langgraph.sqlite*"):
        shutil.copyfile(part, folder / part.name)
    return folder / "langgraph.sqlite"
