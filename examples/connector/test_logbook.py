"""What every connector promises, kept in folders that Logbook itself saves into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import logbook
import pytest
from holdfast_logbook.store import LogbookStore

from checkpoints import Trash, open_native_store, open_store
from checkpoints.testing import ConnectorSuite, Made
from checkpoints.trash import StoreTrash

BOOK, CHAPTER = "night watch", "north"


class TestLogbook(ConnectorSuite):
    @pytest.fixture
    def open_operated(self, tmp_path: Path) -> Callable[[], Any]:
        folder = tmp_path / "pages"
        folder.mkdir()
        return lambda: LogbookStore(folder)

    @pytest.fixture
    def make_thread(self, tmp_path: Path) -> Callable[[int], Made]:
        def make(count: int) -> Made:
            memory = ({"round": number, "seen": ["ship"] * number} for number in range(count))
            pages = (logbook.save(tmp_path / "pages", BOOK, CHAPTER, known) for known in memory)
            return Made(BOOK, CHAPTER, tuple(pages))

        return make

    @pytest.fixture
    def go_on(self, tmp_path: Path) -> Callable[[str, str], str]:
        def save(agent_id: str, thread_id: str) -> str:
            page = logbook.latest(tmp_path / "pages", agent_id, thread_id)
            assert page is not None
            memory = {**page["memory"], "round": 100}
            return logbook.save(tmp_path / "pages", agent_id, thread_id, memory)

        return save

    @pytest.fixture
    def trash(self, tmp_path: Path) -> Iterator[Trash]:
        with closing(open_native_store(f"sqlite:///{tmp_path / 'trash.db'}")) as store:
            yield StoreTrash(store)

    @pytest.fixture
    def fingerprint(self, tmp_path: Path) -> Callable[[], Any]:
        return lambda: {path: path.read_bytes() for path in (tmp_path / "pages").iterdir()}

    @pytest.fixture
    def damage(self, tmp_path: Path) -> Callable[[str], None]:
        def cut(page: str) -> None:
            path = tmp_path / "pages" / f"{page}.json"
            path.write_bytes(path.read_bytes()[:20])

        return cut


def test_it_is_opened_by_its_url_once_it_is_installed(tmp_path: Path) -> None:
    logbook.save(tmp_path, BOOK, CHAPTER, {"round": 1})
    with closing(open_store(f"logbook:///{tmp_path}")) as store:
        assert [thread.agent_id for thread in store.threads()] == [BOOK]


def test_logbook_goes_on_from_what_was_restored(tmp_path: Path) -> None:
    pages = [logbook.save(tmp_path, BOOK, CHAPTER, {"round": number}) for number in (1, 2, 3)]
    store = LogbookStore(tmp_path)
    plan = store.plan_restore(store.get(pages[0]))
    store.restore(
        plan,
        written_ids=store.choose_ids(plan),
        operation_id="op-1",
        reason="it lost its way",
        now=store.clock(),
    )
    page = logbook.latest(tmp_path, BOOK, CHAPTER)
    assert page is not None
    assert page["memory"] == {"round": 1}
