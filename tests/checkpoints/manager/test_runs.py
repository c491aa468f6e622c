"""How a run ends is saved, and its own exception is never masked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import datetime

import pytest

from checkpoints import (
    CheckpointManager,
    HeadMoved,
    Kind,
    Status,
    Store,
    StoreError,
    UnsupportedState,
)
from checkpoints.testing import FaultyStore

Reopened = Callable[[], CheckpointManager]


def test_a_run_that_ends_well_is_completed(manager: CheckpointManager) -> None:
    with manager.run():
        manager.state["n"] = 1
    last = manager.history()[0]
    assert (last.status, last.kind, manager.load(last)) == (
        Status.COMPLETED,
        Kind.ROUTINE,
        {"n": 1},
    )
    assert [thread.status for thread in manager.threads()] == [Status.COMPLETED]


def test_a_run_that_raises_has_failed_and_its_exception_goes_on(manager: CheckpointManager) -> None:
    with pytest.raises(ZeroDivisionError), manager.run():
        manager.state["n"] = 1 // 0
    last = manager.history()[0]
    assert (last.status, last.kind) == (Status.FAILED, Kind.RECOVERY)
    assert last.metadata["error"] == {
        "type": "ZeroDivisionError",
        "message": "integer division or modulo by zero",
    }


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_a_run_that_is_stopped_was_interrupted(
    manager: CheckpointManager, stop: type[BaseException]
) -> None:
    with pytest.raises(stop), manager.run():
        raise stop
    assert manager.history()[0].status is Status.INTERRUPTED


def test_a_run_resumes_when_it_begins(manager: CheckpointManager, reopened: Reopened) -> None:
    with manager.run() as fresh:
        assert fresh.state is None
        manager.state["n"] = 1
    with reopened().run() as run:
        assert run.state == {"n": 1}
    with reopened().run(resume=False) as run:
        assert run.state is None


def test_a_state_that_cannot_be_saved_does_not_mask_the_exception(
    manager: CheckpointManager,
) -> None:
    manager.create_checkpoint(state={"n": 1})
    with pytest.raises(ZeroDivisionError), manager.run():
        manager.state["bad"] = object()
        raise ZeroDivisionError
    last = manager.history()[0]
    assert last.status is Status.FAILED
    assert "$['bad']" in last.metadata["state_of_before"]
    assert manager.load(last) == {"n": 1}


def test_a_capture_that_raises_does_not_mask_the_exception(store: Store) -> None:
    def capture() -> dict[str, object]:
        raise KeyError("gone")

    manager = CheckpointManager("agent-1", store=store, capture=capture)
    with pytest.raises(ZeroDivisionError), manager.run():
        raise ZeroDivisionError
    assert "KeyError" in manager.history()[0].metadata["state_of_before"]


def test_a_store_that_fails_does_not_mask_the_exception(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = FaultyStore(store)
    manager = CheckpointManager("agent-1", store=faulty)
    with pytest.raises(ZeroDivisionError), manager.run():
        faulty.fail("put", error=StoreError("the disk is full"))
        raise ZeroDivisionError
    assert "the disk is full" in caplog.text


def test_an_operators_restore_in_the_middle_is_not_overwritten_by_the_end_of_the_run(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    first = manager.create_checkpoint(state={"n": 1})
    manager.create_checkpoint(state={"n": 2})
    with pytest.raises(HeadMoved), manager.run():
        reopened().restore_checkpoint(first)
    assert reopened().resume() == {"n": 1}


def test_a_final_checkpoint_can_be_saved_by_itself(manager: CheckpointManager) -> None:
    assert manager.complete({"n": 1}, metrics={"tokens": 5}).status is Status.COMPLETED


def test_an_error_without_a_readable_message_is_noted_by_its_type(
    manager: CheckpointManager,
) -> None:
    class Strange(Exception):
        def __str__(self) -> str:
            raise ValueError

    saved = manager.fail(Strange())
    assert saved.metadata["error"]["type"] == "Strange"


def test_resumes_are_counted_by_whether_the_run_saved_again(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    manager.create_checkpoint(state={"n": 1})
    went_on, died, newest = reopened(), reopened(), reopened()
    went_on.resume()
    went_on.create_checkpoint(state={"n": 2})
    went_on.close()
    died.resume()
    died.close()
    newest.resume()
    stats = newest.resume_stats()
    assert (stats.attempts, stats.succeeded, stats.failed, stats.pending) == (3, 1, 1, 1)


def test_a_resume_that_cannot_load_the_head_has_failed(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    manager.create_checkpoint(state={"n": 1})

    def fail(_state: object) -> None:
        raise ZeroDivisionError

    again = reopened()
    again.applies(fail)
    with pytest.raises(ZeroDivisionError):
        again.resume()
    assert again.resume_stats().failed == 1


@pytest.mark.parametrize(
    "message", ["x" * 10_000_000, os.fsdecode(b"no such file: \xff"), "\x00\ud800"]
)
def test_the_state_of_a_failed_run_is_saved_whatever_its_error_says(
    manager: CheckpointManager, message: str
) -> None:
    manager.state["n"] = 1
    error = OSError(message)
    with pytest.raises(OSError) as raised, manager.run():
        raise error
    assert raised.value is error
    newest = manager.history()[0]
    assert manager.load(newest) == {"n": 1}
    assert len(newest.metadata["error"]["message"]) < 20_000
    assert "state_of_before" not in newest.metadata


def test_a_capture_that_raises_something_unreadable_does_not_hide_how_the_run_ended(
    manager: CheckpointManager,
) -> None:
    class Strange(Exception):
        def __str__(self) -> str:
            raise ValueError

    def capture() -> dict[str, object]:
        raise Strange

    manager.create_checkpoint(state={"n": 1})
    manager.captures(capture)
    saved = manager.fail(ZeroDivisionError("the agent's own"))
    assert manager.load(saved) == {"n": 1}
    assert saved.metadata["state_of_before"].startswith("Strange")


def test_a_run_within_a_run_ends_by_itself(manager: CheckpointManager) -> None:
    with manager.run():
        manager.state["n"] = 1
        with pytest.raises(ZeroDivisionError), manager.run():
            raise ZeroDivisionError
        manager.state["n"] = 2
    assert [record.status for record in manager.history()] == ["completed", "failed"]


def test_a_clock_without_a_time_zone_is_refused_and_nothing_is_saved(store: Store) -> None:
    manager = CheckpointManager("agent-1", store=store, clock=lambda: datetime(2026, 3, 1))  # noqa: DTZ001
    with pytest.raises(UnsupportedState, match="time zone"):
        manager.create_checkpoint(state={"n": 1})
    assert manager.history() == []
