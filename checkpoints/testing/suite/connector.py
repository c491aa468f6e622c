"""What a connector promises of a store that another framework writes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.records import Changes
from checkpoints.stores.base import ReadableStore, RestorableStore
from checkpoints.stores.operable import ErasableStore, ForkableStore, PrunableStore
from checkpoints.testing.suite.operable import GoOn, Made, MakeThread, OperableCase, head_id

_PROTOCOLS = {
    "restore": RestorableStore,
    "fork": ForkableStore,
    "prune": PrunableStore,
    "erase": ErasableStore,
}
_OUR_OWN = frozenset({"checkpoints"})


class Connecting(OperableCase):
    """A store that a framework saves into is listed, read and followed; nothing in it is changed.

    ``make_thread`` and ``go_on`` have the framework save, or write as it does.
    """

    @pytest.fixture
    def fingerprint(self) -> Callable[[], Any] | None:
        """Return a function whose result changes whenever the store's content does.

        Without one the promises that nothing is written are skipped.
        """
        return None

    def test_what_it_cannot_do_has_a_reason_and_what_it_can_a_protocol(self, operated: Any) -> None:
        able = operated.capabilities
        for name, protocol in _PROTOCOLS.items():
            assert getattr(able, name) or able.reasons.get(name), f"no reason against {name}"
            assert not getattr(able, name) or isinstance(operated, protocol)
        assert able.read

    def test_a_thread_is_listed_with_its_head(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        (thread,) = _threads(open_operated(), made)
        assert (thread.agent_id, thread.head_id) == (made.agent_id, made.ids[-1])
        assert thread.checkpoints == 3
        assert thread.updated_at is not None
        assert thread.updated_at.utcoffset() is not None

    def test_history_is_newest_first_and_can_be_cut(
        self, operated: Any, make_thread: MakeThread
    ) -> None:
        made = make_thread(4)
        listed = operated.history(made.agent_id, made.thread_id)
        assert [record.id for record in listed] == list(reversed(made.ids))
        assert operated.history(None, made.thread_id, limit=2) == listed[:2]
        assert operated.history(made.agent_id, made.thread_id, limit=0) == []

    def test_steps_and_times_never_run_backwards(
        self, operated: Any, make_thread: MakeThread
    ) -> None:
        made = make_thread(4)
        listed = operated.history(made.agent_id, made.thread_id)[::-1]
        assert [record.step for record in listed] == sorted(record.step for record in listed)
        times = [record.created_at for record in listed]
        assert times == sorted(times)
        assert all(moment.utcoffset() is not None for moment in times)

    def test_each_has_its_size_and_follows_an_earlier_one_if_any(
        self, operated: Any, make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        for number, name in enumerate(made.ids):
            record = self.record(operated, made, name)
            assert (record.stored_size or 0) > 0
            assert record.parent_id is None or record.parent_id in made.ids[:number]

    def test_one_is_found_by_its_id_and_as_it_was_listed(
        self, operated: Any, make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        for record in operated.history(made.agent_id, made.thread_id):
            assert operated.get(record.id, thread_id=made.thread_id) == record

    def test_what_is_not_there_is_said_so(self, operated: Any, make_thread: MakeThread) -> None:
        made = make_thread(1)
        with pytest.raises(CheckpointNotFound):
            operated.get("nowhere")
        with pytest.raises(CheckpointNotFound):
            operated.get(made.ids[0], thread_id="nowhere")
        with pytest.raises(CheckpointNotFound):
            operated.history(made.agent_id, "nowhere")
        with pytest.raises(CheckpointNotFound):
            operated.history("nobody", made.thread_id)
        assert operated.head(made.agent_id, "nowhere") is None

    def test_states_are_read_and_differ_from_step_to_step(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        states = self.states(open_operated(), made)
        assert self.states(open_operated(), made) == states
        assert len({repr(state) for state in states.values()}) == 3

    def test_the_stored_bytes_can_be_had(self, operated: Any, make_thread: MakeThread) -> None:
        made = make_thread(1)
        raw = operated.raw(self.record(operated, made, made.ids[0]))
        assert isinstance(raw, bytes)
        assert raw

    def test_the_head_is_what_the_framework_resumes_from(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, go_on: GoOn
    ) -> None:
        made = make_thread(2)
        assert head_id(open_operated(), made.agent_id, made.thread_id) == made.ids[-1]
        new = go_on(made.agent_id, made.thread_id)
        assert head_id(open_operated(), made.agent_id, made.thread_id) == new

    def test_changes_come_once_and_in_the_order_of_saving(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(5)
        pages = _pages(open_operated, limit=2)
        seen = [record.id for page in pages for record in page.checkpoints]
        assert seen == list(made.ids)
        assert all(len(page.checkpoints) <= 2 for page in pages)
        assert open_operated().changes(pages[-1].cursor).checkpoints == ()

    def test_changes_tell_what_a_thread_is_like_now(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        (thread,) = {
            view.thread_id: view
            for page in _pages(open_operated, limit=50)
            for view in page.threads
            if view.thread_id == made.thread_id
        }.values()
        assert thread.head_id == made.ids[-1]

    def test_only_what_is_new_comes_after_a_cursor(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, go_on: GoOn
    ) -> None:
        made = make_thread(3)
        cursor = _pages(open_operated, limit=50)[-1].cursor
        new = go_on(made.agent_id, made.thread_id)
        changes = open_operated().changes(cursor)
        assert [record.id for record in changes.checkpoints] == [new]
        assert (changes.reset, changes.complete) == (False, True)

    def test_what_waits_behind_a_cursor_is_told_when_it_can_be(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        make_thread(5)
        pages = _pages(open_operated, limit=2)
        told = [page.remaining for page in pages if page.remaining is not None]
        assert told == sorted(told, reverse=True)
        assert not told or pages[-1].remaining in (None, 0)

    @pytest.mark.parametrize("cursor", ["", "rubbish", "somewhere-else:7", ":-1", "{}", "[1]"])
    def test_a_cursor_that_does_not_fit_begins_anew(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, cursor: str
    ) -> None:
        made = make_thread(2)
        changes = open_operated().changes(cursor)
        assert changes.reset
        assert [record.id for record in changes.checkpoints] == list(made.ids)

    def test_a_store_that_holds_nothing_yet_is_read_as_empty(self, operated: Any) -> None:
        assert list(operated.threads()) == []
        assert list(operated.verify()) == []
        changes = operated.changes(None)
        assert (changes.checkpoints, changes.complete, changes.reset) == ((), True, False)
        assert operated.changes(changes.cursor).complete

    def test_nothing_is_wrong_in_what_the_framework_wrote(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        make_thread(4)
        assert list(open_operated().verify()) == []

    def test_reading_writes_nothing(
        self,
        open_operated: Callable[[], Any],
        make_thread: MakeThread,
        fingerprint: Callable[[], Any] | None,
    ) -> None:
        if fingerprint is None:
            pytest.skip("this case gives no fingerprint of its store")
        made = make_thread(3)
        before = fingerprint()
        _read_everything(open_operated(), made)
        assert fingerprint() == before

    def test_reading_imports_nothing_that_the_store_names(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        before = set(sys.modules)
        _read_everything(open_operated(), made)
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        assert new - _OUR_OWN - sys.stdlib_module_names == set()

    def test_one_that_is_damaged_harms_no_other(
        self,
        open_operated: Callable[[], Any],
        make_thread: MakeThread,
        damage: Callable[[str], None] | None,
    ) -> None:
        if damage is None:
            pytest.skip("this case does not say how its store is damaged")
        made = make_thread(4)
        states = self.states(open_operated(), made)
        lost = made.ids[1]
        damage(lost)
        for name in set(made.ids) - {lost}:
            record = self.record(open_operated(), made, name)
            assert open_operated().load(record) == states[name]
        assert head_id(open_operated(), made.agent_id, made.thread_id) == made.ids[-1]
        assert _pages(open_operated, limit=50)[-1].complete

    def test_one_that_is_damaged_is_never_returned_and_is_named(
        self,
        open_operated: Callable[[], Any],
        make_thread: MakeThread,
        damage: Callable[[str], None] | None,
    ) -> None:
        if damage is None:
            pytest.skip("this case does not say how its store is damaged")
        made = make_thread(3)
        record = self.record(open_operated(), made, made.ids[1])
        damage(record.id)
        with pytest.raises((CorruptCheckpoint, CheckpointNotFound)):
            open_operated().load(record)
        findings = list(open_operated().verify())
        assert findings
        assert any(record.id in (f.checkpoint_id or "") + f.message for f in findings)

    def test_it_can_be_closed_more_than_once(self, open_operated: Callable[[], Any]) -> None:
        store = open_operated()
        store.close()
        store.close()


def _threads(store: ReadableStore, made: Made) -> list[Any]:
    return [thread for thread in store.threads() if thread.thread_id == made.thread_id]


def _pages(open_operated: Callable[[], Any], *, limit: int) -> list[Changes]:
    """Follow a store from its beginning, each page by a store opened anew."""
    pages: list[Changes] = []
    cursor = None
    for _ in range(100):
        pages.append(open_operated().changes(cursor, limit=limit))
        if pages[-1].complete:
            return pages
        cursor = pages[-1].cursor
    raise AssertionError("changes did not come to an end within 100 pages")


def _read_everything(store: Any, made: Made) -> None:
    list(store.threads())
    for record in store.history(made.agent_id, made.thread_id):
        store.load(store.get(record.id, thread_id=made.thread_id))
        store.raw(record)
    store.head(made.agent_id, made.thread_id)
    store.changes(None)
    list(store.verify())
    assert store.capabilities
    store.close()
