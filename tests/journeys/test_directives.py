"""An operator restores where the dashboard cannot reach: by leaving it to the agent."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from checkpoints import CheckpointManager
from checkpoints.reporting import Reporter
from tests.browser.browsing import Watched, new_context
from tests.browser.worlds import open_agent
from tests.instances import push_token, running_instance


def test_a_directive_is_left_obeyed_and_answered(browser: Browser, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    with running_instance(data_dir) as instance:
        reporter = Reporter(instance.url, push_token(instance), spool=tmp_path / "spool")
        url = f"sqlite:///{tmp_path}/far.db"
        with CheckpointManager("far-crawler", store=url, reporter=reporter) as manager:
            for page in range(6):
                manager.create_checkpoint(state={"page": page})

        context = new_context(browser, instance)
        watched = Watched(context.new_page())
        page_shown = watched.page
        page_shown.goto(instance.login_url)
        open_agent(page_shown, "far-crawler")
        page_shown.locator("table[data-rows] tbody tr").nth(3).locator("td a").first.click()
        page_shown.get_by_role("link", name="Restore by directive…").click()
        page_shown.get_by_label("Why").fill("the pages after this one are wrong")
        page_shown.get_by_role("button", name="Leave the directive").click()
        expect(page_shown.get_by_text("A directive waits for this agent")).to_be_visible()

        with CheckpointManager("far-crawler", store=url, reporter=reporter) as manager:
            assert manager.resume() == {"page": 2}
            manager.create_checkpoint(state={"page": 3})

        page_shown.reload()
        directives = page_shown.get_by_role("region", name="Directives")
        expect(directives.get_by_text("applied")).to_be_visible()
        expect(page_shown.get_by_text("A directive waits for this agent")).to_have_count(0)
        expect(page_shown.get_by_text("went on to save")).to_be_visible()
        assert watched.complaints == []
        context.close()
