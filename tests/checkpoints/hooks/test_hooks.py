"""Hooks: when they are called, what they may change, what they cannot break."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from checkpoints import HookContext, HookEvent, HookManager, HookResult, Kind, SaveVetoed, Status
from checkpoints.event_loops import in_thread
from checkpoints.hooks import Hook, Outcome
from checkpoints.testing import NOON

SHORT = 0.05


def told(event: HookEvent = HookEvent.BEFORE_SAVE, **values: object) -> HookContext:
    given: dict[str, object] = {"agent_id": "a", "thread_id": "t", "occurred_at": NOON, **values}
    return HookContext(event=event, **given)  # type: ignore[arg-type]


@pytest.fixture
def hooks() -> HookManager:
    return HookManager()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Let go of what hangs when the test is over."""
    opened = threading.Event()
    yield opened
    opened.set()


def test_nobody_is_wanted_before_somebody_registers(hooks: HookManager) -> None:
    assert not hooks.wanted(HookEvent.AFTER_SAVE)
    registration = hooks.register(HookEvent.AFTER_SAVE, lambda context: None)
    assert hooks.wanted(HookEvent.AFTER_SAVE)
    assert not hooks.wanted(HookEvent.BEFORE_SAVE)
    assert hooks.unregister(registration)
    assert not hooks.wanted(HookEvent.AFTER_SAVE)
    assert not hooks.unregister(registration)


def test_higher_priority_comes_first_then_the_order_of_registration(hooks: HookManager) -> None:
    called: list[str] = []
    for name, priority in (("b", 0), ("z", -1), ("c", 0), ("a", 9)):
        hook = by_thread(functools.partial(called.append, name))
        hooks.register("after_save", hook, priority=priority)
    hooks.run(told(HookEvent.AFTER_SAVE))
    assert called == ["a", "b", "c", "z"]


def test_each_hook_sees_the_state_as_those_before_left_it(hooks: HookManager) -> None:
    @hooks.on(HookEvent.BEFORE_SAVE)
    def add(context: HookContext) -> HookResult:
        return HookResult(state={**(context.state or {}), "added": 1})

    @hooks.on(HookEvent.BEFORE_SAVE)
    async def double(context: HookContext) -> HookResult:
        assert context.state is not None
        return HookResult(state={**context.state, "added": context.state["added"] * 2})

    given = {"old": True}
    outcome = hooks.run(told(state=given))
    assert outcome.state == {"old": True, "added": 2}
    assert [name.split(".")[-1] for name in outcome.changed_by] == ["add", "double"]
    assert given == {"old": True}


def test_a_veto_ends_the_run_and_says_who_and_why(hooks: HookManager) -> None:
    called: list[str] = []

    @hooks.on(HookEvent.BEFORE_SAVE)
    def forbid(context: HookContext) -> HookResult:
        return HookResult(veto="the budget is negative")

    hooks.register("before_save", lambda context: called.append("late"))
    outcome = hooks.run(told(state={}))
    assert called == []
    with pytest.raises(
        SaveVetoed, match=r"forbid.*the budget is negative; nothing was saved"
    ) as no:
        outcome.raise_veto()
    assert no.value.reason == "the budget is negative"
    assert no.value.hook.endswith("forbid")


def test_without_a_veto_nothing_is_raised(hooks: HookManager) -> None:
    hooks.run(told(state={})).raise_veto()


def test_the_names_that_kaizen_gives_its_events_work(hooks: HookManager) -> None:
    seen: list[dict[str, object]] = []

    async def pre_checkpoint_hook(context: HookContext) -> HookResult:
        seen.append(context.data)
        return HookResult(success=True)

    assert HookEvent("pre_checkpoint_save") is HookEvent.BEFORE_SAVE
    assert HookEvent("post_checkpoint_save") is HookEvent.AFTER_SAVE
    hooks.register(HookEvent.PRE_CHECKPOINT_SAVE, pre_checkpoint_hook)
    hooks.run(told(step=7, status=Status.RUNNING, kind=Kind.ROUTINE))
    stamp = NOON.timestamp()
    assert seen == [{"agent_id": "a", "step_number": 7, "status": "running", "timestamp": stamp}]


def raises(context: HookContext) -> None:
    raise LookupError("no such thing")


def exits(context: HookContext) -> None:
    sys.exit(3)


def interrupts(context: HookContext) -> None:
    raise KeyboardInterrupt


async def raises_later(context: HookContext) -> None:
    await asyncio.sleep(0)
    raise LookupError("no such thing")


async def exits_later(context: HookContext) -> None:
    sys.exit(3)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even this")


def raises_unspeakably(context: HookContext) -> None:
    raise Unspeakable


def takes_nothing() -> None: ...


async def takes_nothing_later() -> None: ...


BROKEN: list[Callable[..., object]] = [
    raises,
    exits,
    interrupts,
    raises_later,
    exits_later,
    raises_unspeakably,
    takes_nothing,
    takes_nothing_later,
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda hook: hook.__name__)
def test_a_hook_that_raises_is_logged_and_the_others_are_called(
    hooks: HookManager, broken: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []
    hooks.register("after_save", broken)
    hooks.register("after_save", lambda context: called.append("next"))
    outcome = hooks.run(told(HookEvent.AFTER_SAVE))
    assert called == ["next"]
    assert [failure.hook.split(".")[-1] for failure in outcome.failures] == [broken.__name__]
    assert broken.__name__ in caplog.text


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (True, "answered a bool"),
        ({"veto": "no"}, "answered a dict"),
        (HookResult(success=False, error="the mail server is away"), "the mail server is away"),
        (HookResult(success=False, state={"half": 1}), "it says that it failed"),
    ],
)
def test_a_wrong_answer_is_logged_and_changes_nothing(
    hooks: HookManager, answer: object, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.register("before_save", lambda context: answer)  # type: ignore[arg-type,return-value]
    outcome = hooks.run(told(state={"whole": 1}))
    assert (outcome.state, outcome.veto) == ({"whole": 1}, None)
    assert reason in outcome.failures[0].reason
    assert reason in caplog.text


@pytest.mark.parametrize("answer", [HookResult(veto="no"), HookResult(state={})])
def test_after_the_save_nothing_can_be_forbidden_or_changed(
    hooks: HookManager, answer: HookResult
) -> None:
    hooks.register("after_save", lambda context: answer)
    outcome = hooks.run(told(HookEvent.AFTER_SAVE))
    assert outcome.veto is None
    assert "only before a save" in outcome.failures[0].reason


def test_a_hook_that_failed_may_still_forbid(hooks: HookManager) -> None:
    hooks.register("before_save", lambda context: HookResult(success=False, veto="no"))
    assert hooks.run(told(state={})).veto == "no"


@pytest.mark.parametrize("values", [{"veto": True}, {"state": [1]}])
def test_a_result_that_means_nothing_cannot_be_made(values: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        HookResult(**values)  # type: ignore[arg-type]


def hanging_thread(gate: threading.Event) -> Hook:
    def hang(context: HookContext) -> None:
        gate.wait()

    return hang


def hanging_task(gate: threading.Event) -> Hook:
    async def hang(context: HookContext) -> None:
        while not gate.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    return hang


def hanging_loop(gate: threading.Event) -> Hook:
    async def hang(context: HookContext) -> None:
        gate.wait()

    return hang


@pytest.mark.parametrize("hanging", [hanging_thread, hanging_task, hanging_loop])
def test_a_hook_that_hangs_is_left_behind_said_once_and_called_again_when_it_ends(
    hooks: HookManager,
    hanging: Callable[[threading.Event], Hook],
    gate: threading.Event,
    caplog: pytest.LogCaptureFixture,
) -> None:
    called: list[str] = []

    async def quick(context: HookContext) -> None:
        called.append("quick")

    hooks.register("after_save", hanging(gate), timeout=SHORT)
    hooks.register("after_save", quick)
    outcomes = [hooks.run(told(HookEvent.AFTER_SAVE)) for _ in range(3)]
    assert called == ["quick"] * 3
    assert "took longer than 0.05 seconds" in outcomes[0].failures[0].reason
    assert "still hangs" in outcomes[2].failures[0].reason
    assert len(caplog.records) == 1
    gate.set()
    until_true(lambda: not hooks.run(told(HookEvent.AFTER_SAVE)).failures)


def until_true(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_hook_that_hangs_forbids_nothing(hooks: HookManager, gate: threading.Event) -> None:
    def slow_veto(context: HookContext) -> HookResult:
        gate.wait()
        return HookResult(veto="too late")

    hooks.register("before_save", slow_veto, timeout=SHORT)
    assert hooks.run(told(state={"kept": 1})).veto is None


def test_an_interrupt_while_a_hook_runs_reaches_the_agent(
    hooks: HookManager, gate: threading.Event
) -> None:
    hooks.register("after_save", hanging_thread(gate), timeout=30)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        hooks.run(told(HookEvent.AFTER_SAVE))
    timer.join()


def test_a_task_that_takes_too_long_is_cancelled(hooks: HookManager) -> None:
    ended = threading.Event()

    async def slow(context: HookContext) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    hooks.register("after_save", slow, timeout=SHORT)
    hooks.run(told(HookEvent.AFTER_SAVE))
    assert ended.wait(10)


def test_a_process_ends_although_a_hook_hangs() -> None:
    code = (
        "import threading, asyncio\n"
        "from datetime import datetime, UTC\n"
        "from checkpoints.hooks import *\n"
        "hooks = HookManager(timeout=0.05)\n"
        "hooks.register('after_save', lambda context: threading.Event().wait())\n"
        "async def hang(context): threading.Event().wait()\n"
        "hooks.register('after_save', hang)\n"
        "print(len(hooks.run(HookContext(event=HookEvent.AFTER_SAVE, agent_id='a', thread_id='t',\n"
        "    occurred_at=datetime.now(UTC))).failures))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "2\n")


def test_an_async_hook_runs_on_the_loop_that_the_call_came_from(hooks: HookManager) -> None:
    seen: list[object] = []

    async def look(context: HookContext) -> None:
        seen.append(asyncio.get_running_loop())

    async def main() -> None:
        await in_thread(hooks.run, told(HookEvent.AFTER_SAVE))
        assert seen == [asyncio.get_running_loop()]

    hooks.register("after_save", look)
    asyncio.run(main())


def test_a_call_that_blocks_its_loop_has_its_hooks_run_elsewhere(hooks: HookManager) -> None:
    seen: list[object] = []

    async def look(context: HookContext) -> None:
        seen.append(asyncio.get_running_loop())

    async def main() -> None:
        outcome = hooks.run(told(HookEvent.AFTER_SAVE))
        assert outcome.failures == ()
        assert seen[0] is not asyncio.get_running_loop()

    hooks.register("after_save", look)
    asyncio.run(main())
    assert len(seen) == 1


def by_thread(inner: Callable[[], object]) -> Hook:
    def call(context: HookContext) -> None:
        inner()

    return call


def by_loop(inner: Callable[[], object]) -> Hook:
    async def call(context: HookContext) -> None:
        inner()

    return call


def by_returned_awaitable(inner: Callable[[], object]) -> Hook:
    return functools.partial(_later, inner)


def _later(inner: Callable[[], object], context: HookContext) -> Awaitable[None]:
    async def call() -> None:
        inner()

    return call()


@pytest.mark.parametrize("outer", [by_thread, by_loop, by_returned_awaitable])
@pytest.mark.parametrize("middle", [by_thread, by_loop])
@pytest.mark.parametrize("through", ["sync", "aio", "blocking its loop"])
def test_hooks_that_cause_other_hooks_never_wait_for_each_other(
    through: str, outer: Callable[..., Hook], middle: Callable[..., Hook]
) -> None:
    outcomes: list[Outcome] = []
    third, second, first = HookManager(), HookManager(), HookManager()

    def run(hooks: HookManager) -> None:
        outcomes.append(hooks.run(told(HookEvent.AFTER_SAVE)))

    third.register("after_save", by_loop(lambda: None))
    second.register("after_save", middle(lambda: run(third)))
    first.register("after_save", outer(lambda: run(second)))

    async def aio() -> None:
        await in_thread(run, first)

    async def blocking() -> None:
        run(first)

    if through == "sync":
        run(first)
    else:
        asyncio.run(aio() if through == "aio" else blocking())
    assert [outcome.failures for outcome in outcomes] == [(), (), ()]


def test_a_hook_is_not_called_for_what_it_did_itself(hooks: HookManager) -> None:
    called: list[str] = []

    @hooks.on("after_save")
    def again(context: HookContext) -> None:
        called.append("again")
        hooks.run(context)

    hooks.register("after_save", lambda context: called.append("other"))
    hooks.run(told(HookEvent.AFTER_SAVE))
    assert called == ["again", "other", "other"]


def test_an_object_that_is_awaited_when_called_is_a_hook(hooks: HookManager) -> None:
    class Mailer:
        sent = 0

        async def __call__(self, context: HookContext) -> None:
            self.sent += 1

    mailer = Mailer()
    hooks.register("after_save", mailer)
    assert hooks.run(told(HookEvent.AFTER_SAVE)).failures == ()
    assert mailer.sent == 1


def test_a_hook_sees_the_context_variables_of_its_caller(hooks: HookManager) -> None:
    from contextvars import ContextVar

    trace: ContextVar[str] = ContextVar("trace")
    seen: list[str] = []

    async def look(context: HookContext) -> None:
        seen.append(trace.get())

    hooks.register("after_save", lambda context: seen.append(trace.get()))
    hooks.register("after_save", look)
    trace.set("request 7")
    hooks.run(told(HookEvent.AFTER_SAVE))
    assert seen == ["request 7", "request 7"]


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), True])
def test_a_timeout_is_seconds_above_0(hooks: HookManager, timeout: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        hooks.register("after_save", raises, timeout=timeout)
    with pytest.raises(ValueError, match="above 0"):
        HookManager(timeout=timeout)


def test_what_cannot_be_called_is_refused(hooks: HookManager) -> None:
    with pytest.raises(TypeError, match="a hook is a function"):
        hooks.register("after_save", "a name")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="after_lunch"):
        hooks.register("after_lunch", raises)


def test_the_log_names_a_hook_and_not_what_it_holds(
    hooks: HookManager, caplog: pytest.LogCaptureFixture
) -> None:
    def post(url: str, context: HookContext) -> None:
        raise LookupError

    caplog.set_level(logging.WARNING)
    hooks.register("after_save", functools.partial(post, "https://user:secret@host"))
    hooks.run(told(HookEvent.AFTER_SAVE))
    assert "post" in caplog.text
    assert "secret" not in caplog.records[0].getMessage()


def test_threads_are_used_again(hooks: HookManager) -> None:
    seen: set[int] = set()
    hooks.register("after_save", lambda context: seen.add(threading.get_ident()))
    for _ in range(20):
        hooks.run(told(HookEvent.AFTER_SAVE))
    assert len(seen) == 1
    assert threading.get_ident() not in seen


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_calls_its_hooks(hooks: HookManager, gate: threading.Event) -> None:
    async def later(context: HookContext) -> HookResult:
        return HookResult(state={**(context.state or {}), "later": 1})

    hooks.register("before_save", lambda context: HookResult(state={"now": 1}))
    hooks.register("before_save", later)
    hooks.register("after_save", hanging_thread(gate), timeout=SHORT)
    hooks.run(told(state={}))
    hooks.run(told(HookEvent.AFTER_SAVE))
    child = os.fork()
    if child == 0:
        right = hooks.run(told(state={})).state == {"now": 1, "later": 1}
        again = hooks.run(told(HookEvent.AFTER_SAVE)).failures[0].reason
        os._exit(0 if right and "took longer" in again else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
