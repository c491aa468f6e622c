"""Saves that wait for the disk together."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any

import pytest

from checkpoints.errors import HeadMoved, PermanentStoreError, TransientStoreError
from checkpoints.stores.group_commit import MAX_GROUP, GroupCommit, Job


class Log:
    """Keeps what was committed; fails for a group that holds the word it is told."""

    def __init__(self, poison: str | None = None) -> None:
        self.groups: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.poison = poison
        self.saves = GroupCommit(self.commit)

    def commit(self, group: Sequence[Job[list[str]]]) -> None:
        self.begun.set()
        self.gate.wait(10)
        kept: list[str] = []
        for job in group:
            job.run(kept)
        if self.poison in kept:
            raise PermanentStoreError("full")
        self.groups.append(kept)

    def save(self, word: str) -> str:
        def work(kept: list[str]) -> str:
            kept.append(word)
            return word.upper()

        return self.saves.submit(work)


def together(log: Log, calls: Sequence[Callable[[], object]]) -> list[object]:
    """Make calls from threads of their own while the first one is held at the disk."""
    outcomes: list[object] = [None] * len(calls)

    def call(number: int) -> None:
        outcomes[number] = _outcome(calls[number])

    log.gate.clear()
    log.begun.clear()
    threads = [threading.Thread(target=call, args=(n,)) for n in range(len(calls))]
    threads[0].start()
    assert log.begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(log.saves._waiting) < len(calls) - 1:
        threading.Event().wait(0.001)
    log.gate.set()
    for thread in threads:
        thread.join(10)
    return outcomes


def test_a_save_alone_is_done_at_once() -> None:
    log = Log()
    assert [log.save("a"), log.save("b")] == ["A", "B"]
    assert log.groups == [["a"], ["b"]]


def test_those_who_wait_are_done_together_and_get_each_their_own_result() -> None:
    log = Log()
    words = [f"w{n}" for n in range(20)]
    assert together(log, [partial(log.save, word) for word in words]) == [w.upper() for w in words]
    assert [len(group) for group in log.groups] == [1, 19]


def test_more_than_a_group_takes_are_done_in_several() -> None:
    log = Log()
    count = MAX_GROUP + 40
    outcomes = together(log, [partial(log.save, str(n)) for n in range(count)])
    assert outcomes == [str(n) for n in range(count)]
    assert [len(group) for group in log.groups] == [1, MAX_GROUP, 39]


def test_a_refused_save_takes_nothing_of_its_group_with_it() -> None:
    log = Log()

    def refused(_: list[str]) -> None:
        raise HeadMoved("moved", expected=None, actual="x")

    calls: list[Callable[[], object]] = [lambda: log.save("a"), lambda: log.save("b")]
    outcomes = together(log, [*calls, lambda: log.saves.submit(refused)])
    assert outcomes[:2] == ["A", "B"]
    assert isinstance(outcomes[2], HeadMoved)


def test_when_a_group_fails_only_those_that_fail_alone_have_failed() -> None:
    log = Log(poison="bad")
    words = ["a", "b", "bad", "c"]
    outcomes = together(log, [partial(log.save, word) for word in words])
    assert [o for o in outcomes if isinstance(o, str)] == ["A", "B", "C"]
    assert isinstance(outcomes[2], PermanentStoreError)
    assert sorted(word for group in log.groups for word in group) == ["a", "b", "c"]


def test_nobody_is_told_of_success_when_a_commit_breaks_off() -> None:
    log = Log()

    def interrupted(_: list[str]) -> None:
        raise KeyboardInterrupt

    calls: list[Callable[[], object]] = [
        lambda: log.save("a"),
        lambda: log.saves.submit(interrupted),
        lambda: log.save("b"),
    ]
    outcomes = together(log, calls)
    assert outcomes[0] == "A"
    kinds = [type(outcome) for outcome in outcomes[1:]]
    assert set(kinds) <= {KeyboardInterrupt, TransientStoreError}
    assert kinds.count(KeyboardInterrupt) == 1
    assert log.save("c") == "C"
    assert log.groups == [["a"], ["c"]]


def test_an_error_that_nobody_foresaw_concerns_the_save_that_raised_it_alone() -> None:
    log = Log()

    def broken(_: list[str]) -> None:
        raise ZeroDivisionError

    calls: list[Callable[[], object]] = [lambda: log.save("a"), lambda: log.save("b")]
    outcomes = together(log, [*calls, lambda: log.saves.submit(broken), lambda: log.save("c")])
    assert [outcomes[0], outcomes[1], outcomes[3]] == ["A", "B", "C"]
    assert isinstance(outcomes[2], ZeroDivisionError)


def test_a_store_that_is_away_is_asked_once_more_and_not_for_each_of_a_group() -> None:
    log = Log()
    asked: list[int] = []

    def away(group: Sequence[Job[list[str]]]) -> None:
        asked.append(len(group))
        raise TransientStoreError("locked")

    def save_first(kept: list[str]) -> str:
        log.saves._commit = away
        return "A"

    calls: list[Callable[[], object]] = [lambda: log.saves.submit(save_first)]
    outcomes = together(log, [*calls, *[partial(log.save, str(n)) for n in range(9)]])
    assert outcomes[0] == "A"
    assert all(isinstance(outcome, TransientStoreError) for outcome in outcomes[1:])
    assert asked == [9, 1]


@pytest.mark.parametrize("moment", range(20))
def test_a_save_broken_off_at_any_moment_keeps_nobody_waiting(moment: int) -> None:
    log = Log()
    left = [moment]

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_name not in {"submit", "_lead", "_finish"}:
            return None
        if event == "line" and not log.saves._queue.locked():
            left[0] -= 1
            if left[0] < 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    def broken_off() -> str:
        sys.settrace(trace)
        try:
            return log.save("a")
        finally:
            sys.settrace(None)

    outcomes = [_outcome(broken_off)]
    after = together(log, [partial(log.save, "b"), partial(log.save, "c")])
    assert after == ["B", "C"]
    assert outcomes == ["A"] or isinstance(outcomes[0], KeyboardInterrupt)


def _outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except BaseException as error:  # noqa: BLE001 - it is looked at by the test
        return error


@pytest.mark.parametrize("count", [2, 64])
def test_every_save_of_many_threads_is_done_once(count: int) -> None:
    log = Log()

    def save(number: int) -> None:
        for turn in range(30):
            assert log.save(f"{number} {turn}") == f"{number} {turn}"

    threads = [threading.Thread(target=save, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    done = [word for group in log.groups for word in group]
    assert sorted(done) == sorted(f"{n} {turn}" for n in range(count) for turn in range(30))
