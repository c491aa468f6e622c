"""checkpoint_frequency, checkpoint_interval, refresh_after."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints import CheckpointManager, CorruptCheckpoint, Kind, Store
from checkpoints.testing import FakeClock
from tests.checkpoints.manager.conftest import Seconds


def steps_saved(manager: CheckpointManager, steps: int) -> list[int]:
    """Return after which of so many steps something was saved."""
    return [n for n in range(1, steps + 1) if manager.checkpoint_if_due()]


def test_without_a_trigger_nothing_is_due(manager: CheckpointManager) -> None:
    assert steps_saved(manager, 100) == []


def test_every_n_steps(store: Store) -> None:
    assert steps_saved(CheckpointManager("a", store=store, checkpoint_frequency=3), 10) == [3, 6, 9]


def test_every_m_seconds(store: Store, seconds: Seconds) -> None:
    manager = CheckpointManager("a", store=store, checkpoint_interval=30, monotonic=seconds)
    assert not manager.checkpoint_if_due()
    seconds.now += 30
    assert manager.checkpoint_if_due()
    assert not manager.checkpoint_if_due()


def test_either_whichever_comes_first(store: Store, seconds: Seconds) -> None:
    manager = CheckpointManager(
        "a", store=store, checkpoint_frequency=5, checkpoint_interval=30, monotonic=seconds
    )
    assert steps_saved(manager, 2) == []
    seconds.now += 31
    assert steps_saved(manager, 6) == [1, 6]


def test_any_save_begins_the_count_anew(store: Store) -> None:
    manager = CheckpointManager("a", store=store, checkpoint_frequency=3)
    steps_saved(manager, 2)
    manager.create_checkpoint()
    assert steps_saved(manager, 3) == [3]


def test_should_checkpoint_tells_beforehand_and_changes_nothing(store: Store) -> None:
    manager = CheckpointManager("a", store=store, checkpoint_frequency=2)
    assert not manager.should_checkpoint()
    manager.checkpoint_if_due()
    assert manager.should_checkpoint()
    assert manager.should_checkpoint()
    assert manager.checkpoint_if_due()


def test_a_system_clock_that_jumps_neither_saves_nor_stops_saving(
    store: Store, seconds: Seconds
) -> None:
    clock = FakeClock()
    manager = CheckpointManager(
        "a", store=store, checkpoint_interval=30, monotonic=seconds, clock=clock
    )
    manager.create_checkpoint()
    clock.advance(days=400)
    assert not manager.checkpoint_if_due()
    clock.now -= timedelta(days=800)
    seconds.now += 30
    saved = manager.checkpoint_if_due()
    assert saved == manager.history()[0]
    assert saved == manager.get_latest_checkpoint()


def test_a_long_uptime_asks_for_a_recovery_checkpoint(store: Store, seconds: Seconds) -> None:
    manager = CheckpointManager("a", store=store, refresh_after=7200, monotonic=seconds)
    assert not manager.checkpoint_if_due()
    seconds.now += 7200
    assert manager.should_checkpoint()
    saved = manager.checkpoint_if_due()
    assert saved
    assert saved.kind is Kind.RECOVERY
    assert not manager.checkpoint_if_due()
    assert [note.data["what"] for note in manager.journal()] == ["refreshed"]


def test_a_refresh_says_when_the_store_no_longer_gives_back_what_it_took(
    store: Store, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = CheckpointManager("a", store=store, refresh_after=1, monotonic=seconds)

    def broken(_checkpoint: object) -> dict[str, object]:
        raise CorruptCheckpoint("flipped")

    monkeypatch.setattr(store, "load", broken)
    seconds.now += 1
    with pytest.raises(CorruptCheckpoint, match="flipped"):
        manager.checkpoint_if_due()


@pytest.mark.parametrize("name", ["checkpoint_frequency", "checkpoint_interval", "refresh_after"])
def test_a_trigger_that_is_not_above_0_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="above 0"):
        CheckpointManager("a", store=store, **{name: 0})  # type: ignore[arg-type]
