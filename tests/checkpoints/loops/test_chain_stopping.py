"""A chain ends between two steps when somebody asks, and goes on when it is run again."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from checkpoints import Status
from checkpoints.loops import Chain, Stop, Stopped
from checkpoints.recovery import RecoveryLimits
from checkpoints.stores.memory import MemoryStore

HOURS = RecoveryLimits(first_wait=7200.0, max_wait=7200.0)


def answer(question: str) -> str:
    return f"an answer to {question}"


def chain(store: MemoryStore, model: object = answer) -> Chain:
    assert callable(model)
    return Chain(model, prompt="p", checkpoint_storage=store, chain_id="c-1", limits=HOURS)


def test_asked_to_stop_it_ends_after_the_step_in_hand_and_goes_on_later(
    store: MemoryStore,
) -> None:
    stop = Stop(signals=())

    def asks(question: str) -> str:
        stop.ask("the operator")
        return answer(question)

    stopped = chain(store, asks)
    with pytest.raises(Stopped, match="the operator asked the chain to end before validation"):
        stopped.run(stop=stop)
    head = stopped.manager.history()[0]
    assert (head.status, head.metadata["reason"]) == (Status.INTERRUPTED, "the operator")
    calls: list[str] = []
    assert chain(store, calls.append).run_with_recovery().text == "an answer to p"
    assert calls == []


def test_a_wait_ends_when_somebody_asks(store: MemoryStore) -> None:
    stop = Stop(signals=())

    def fails(_question: str) -> str:
        threading.Timer(0.05, stop.ask, ["the operator"]).start()
        raise TimeoutError("no answer")

    with pytest.raises(Stopped):
        chain(store, fails).run_with_recovery(stop=stop)


def test_a_cancelled_chain_calls_nothing_any_more(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    async def main() -> None:
        begun = asyncio.Event()

        async def fails(question: str) -> str:
            calls.append(question)
            begun.set()
            raise TimeoutError("no answer")

        cancelled = chain(store, fails)
        task = asyncio.create_task(cancelled.run_with_recovery.aio())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cancelled.manager.history()[0].status is Status.INTERRUPTED

    asyncio.run(main())
    assert calls == ["p"]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
