"""kill -9 in the middle of what a manager does besides single saves."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from checkpoints import CheckpointManager
from tests.faults.stores.agent import BATCH, THREAD, group_in, paid
from tests.faults.stores.children import first_line_of, lines_of, start
from tests.faults.stores.conftest import NewUrl
from tests.faults.stores.states import AGENT, findings_of, found_in, opened

ROUNDS = 10


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return tmp_path / "world"


def test_what_is_done_outside_is_done_once_however_often_the_agent_is_killed(
    url: str, world: Path
) -> None:
    for _ in range(ROUNDS):
        told = killed("pay", world, url)
        orders = paid(world)
        assert sorted(orders) == list(range(1, len(orders) + 1))
        manager = CheckpointManager(AGENT, store=opened(url))
        done = {int(effect.key) for effect in manager.effects()}
        assert {int(each) for each in told} <= done <= set(orders)
        for order in set(orders) - done:
            assert order == max(orders)
            with pytest.raises(KeyboardInterrupt), manager.effect("pay", str(order)) as effect:
                assert effect.uncertain
                raise KeyboardInterrupt


def test_saves_in_the_background_are_lost_only_from_the_end_and_never_once_flushed(
    url: str, world: Path
) -> None:
    for _ in range(ROUNDS):
        told = killed("save_later", world, url)
        assert saved(url) >= max(int(each) for each in told)


def test_batches_are_kept_whole_or_from_the_first_one_on(url: str, kind: str, world: Path) -> None:
    for _ in range(ROUNDS):
        told = killed("save_batches", world, url)
        last = saved(url)
        assert last >= max(int(each) for each in told)
        if kind == "sqlite":
            assert last % BATCH == 0


def test_every_cut_that_is_listed_can_be_restored_and_every_told_one_is_listed(
    new_url: NewUrl, world: Path
) -> None:
    urls = new_url(), new_url()
    told: set[str] = set()
    for _ in range(ROUNDS):
        told |= set(killed("cut", world, *urls))
        group = group_in(*urls)
        cuts = group.history()
        assert told <= {cut.id for cut in cuts}
        for cut in (*random.sample(cuts, min(3, len(cuts))), cuts[-1]):
            states = list(group.restore(cut.id).values())
            assert states[0] == states[1]
            assert [member.state for member in group.members] == states


def killed(what: str, world: Path, *urls: str) -> list[str]:
    """Let an agent work, kill it at a random moment after its first line, return what it told."""
    process = start("agent", what, str(world), *urls)
    first = first_line_of(process)
    time.sleep(random.uniform(0, 0.25))
    assert process.poll() is None, "it ended before it was killed"
    process.kill()
    return [line.strip() for line in [first, *lines_of(process)]]


def saved(url: str) -> int:
    """Require that a store is sound and its thread without a gap; return its last number."""
    store = opened(url)
    found = found_in(store, THREAD)
    assert found.wrong == ()
    assert found.numbers == tuple(range(1, len(found.numbers) + 1))
    assert found.head == len(found.numbers)
    assert findings_of(store) == []
    store.close()
    return len(found.numbers)
