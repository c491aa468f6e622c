"""The machine's clock is set back: order is that of saving, whatever the times say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from checkpoints import CheckpointManager, ResilientCheckpointManager, Store
from tests.faults.stores.conftest import EVERYWHERE
from tests.faults.stores.states import AGENT, MORNING, findings_of, opened, state_of

SAVES = 12

pytestmark = pytest.mark.parametrize("kind", EVERYWHERE, indirect=True)


class BackwardClock:
    """Each look finds it an hour earlier."""

    def __init__(self) -> None:
        self._now = MORNING

    def __call__(self) -> datetime:
        self._now -= timedelta(hours=1)
        return self._now


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = opened(url)
    yield store
    store.close()


def saved_backwards(
    store: Store, thread: str = "main", manager: type[CheckpointManager] = CheckpointManager
) -> list[str]:
    """Save some checkpoints, each an hour before its parent; return their ids."""
    agent = manager(AGENT, store=store, thread=thread, clock=BackwardClock())
    return [
        agent.create_checkpoint(state=state_of(thread, number)).id for number in range(1, SAVES + 1)
    ]


def test_history_and_head_follow_the_order_of_saving(store: Store, url: str) -> None:
    ids = saved_backwards(store)
    for seen in (store, opened(url)):
        history = seen.history(AGENT, "main")
        assert [record.id for record in history] == ids[::-1]
        times = [record.created_at for record in history]
        assert times == sorted(times)
        assert [record.id for record in seen.history(AGENT, "main", limit=2)] == ids[:-3:-1]
        head = seen.head(AGENT, "main")
        assert head is not None
        assert (head.checkpoint_id, head.version) == (ids[-1], SAVES)
        assert findings_of(seen) == []


def test_changes_come_in_the_order_of_saving(store: Store) -> None:
    ids = saved_backwards(store)
    first = store.changes(None, limit=5)
    rest = store.changes(first.cursor)
    assert [record.id for record in (*first.checkpoints, *rest.checkpoints)] == ids


def test_an_agent_resumes_from_what_it_saved_last(store: Store, url: str) -> None:
    saved_backwards(store)
    with CheckpointManager(AGENT, store=url) as manager:
        assert manager.resume() == state_of("main", SAVES)
        latest = manager.get_latest_checkpoint()
        assert latest is not None
        assert latest.step == SAVES


def test_the_thread_that_was_saved_into_last_comes_first(store: Store, url: str) -> None:
    saved_backwards(store, "early")
    late = CheckpointManager(AGENT, store=store, thread="late", clock=lambda: MORNING.replace(1999))
    late.create_checkpoint(state={})
    assert [thread.thread_id for thread in store.threads()] == ["late", "early"]
    assert [thread.thread_id for thread in opened(url).threads()] == ["late", "early"]


def test_a_restore_before_the_time_of_what_it_restores_moves_the_head(store: Store) -> None:
    ids = saved_backwards(store)
    plan = store.plan_restore(store.get(ids[2]))
    head = store.restore(
        plan,
        written_ids=store.choose_ids(plan),
        operation_id="operation-1",
        reason="the clock was set back",
        now=MORNING - timedelta(days=400),
    )
    assert head.checkpoint_id == ids[2]
    assert store.head(AGENT, "main") == head


def test_retention_never_takes_the_head(store: Store) -> None:
    ids = saved_backwards(store, manager=ResilientCheckpointManager)
    head = store.head(AGENT, "main")
    assert head is not None
    assert head.checkpoint_id == ids[-1]
    assert store.load(store.get(ids[-1])) == state_of("main", SAVES)
    assert findings_of(store) == []
