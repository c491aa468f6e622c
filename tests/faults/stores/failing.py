"""Orders a scenario on a failing disk and judges, without the shim, what is left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from checkpoints import CheckpointError, Store
from tests.faults.stores.children import start
from tests.faults.stores.scenario import LAST, THREAD, TRASHED, Order, Step
from tests.faults.stores.states import AGENT, findings_of, listed, opened, save, state_of

MOST_CALLS = 2000


class FailingDisk:
    """A process in which system calls fail as ordered."""

    def __init__(self, shim: Path, folder: Path, kind: str) -> None:
        self._process = start("scenario", kind, LD_PRELOAD=str(shim))
        self._folder = folder
        self._kind = kind

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def sweep(self, *, error: int, from_then_on: bool, **more: int) -> Iterator[Case]:
        """Let the first call fail, then the second, until there are no more calls to fail."""
        for at in range(1, MOST_CALLS):
            case = self.run(at=at, error=error, from_then_on=from_then_on, **more)
            yield case
            shutil.rmtree(self._folder, ignore_errors=True)
            if not case.failed:
                return
        raise AssertionError(f"there are more than {MOST_CALLS} calls")

    def run(self, *, at: int, error: int, from_then_on: bool, **more: int) -> Case:
        """Carry one order out on a new store."""
        name = "store.db" if self._kind == "sqlite" else "store"
        url = f"{self._kind}:///{self._folder / name}"
        order = Order(url, str(self._folder), at, error, from_then_on, **more)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asdict(order)), file=self._process.stdin, flush=True)
        steps = [Step(*values) for values in json.loads(self._process.stdout.readline())]
        return Case(order, steps)


class Case:
    """What came of one order."""

    def __init__(self, order: Order, steps: list[Step]) -> None:
        self.order = order
        self.steps = [step for step in steps if step.name != "calls"]
        self.calls = steps[-1].number
        self.failed = any(step.failed_after for step in steps)

    @property
    def acknowledged(self) -> set[int]:
        """The numbers that were acknowledged as saved."""
        return {step.number for step in self.steps if step.name == "save" and not step.error}

    def violations(self) -> list[str]:
        """Return every promise that was broken, with the steps that led there."""
        broken = [*self._of_the_errors(), *self._of_what_is_left()]
        told = "; ".join(f"{s.name} {s.number}: {s.error or 'done'}" for s in self.steps)
        return [f"call {self.order.at} failing: {text} [{told}]" for text in broken]

    def _of_the_errors(self) -> Iterator[str]:
        for step in self.steps:
            if not step.ours:
                yield f"{step.name} {step.number} raised {step.error}"
            if step.error and not step.failed_after:
                yield f"{step.name} {step.number} failed before any call did"
        last = self.steps[-1]
        if last.error and last.failed_before and not self.order.from_then_on:
            yield "a store opened anew after a single failure does not save"

    def _of_what_is_left(self) -> Iterator[str]:
        store = opened(self.order.url)
        try:
            yield from self._of_checkpoints(store)
            yield from self._of_the_head(store)
            yield from findings_of(store)
            saved = save(store, THREAD, LAST + 1)
            if store.load(saved) != state_of(THREAD, LAST + 1):
                yield "what is saved afterwards does not load"
            yield from findings_of(store)
        except CheckpointError as error:
            yield f"once the disk is well: {type(error).__name__}: {error}"
        finally:
            store.close()

    def _of_checkpoints(self, store: Store) -> Iterator[str]:
        records = {record.step: record for record in listed(store, THREAD)}
        gone = set(TRASHED) if self._tried("trash") else set()
        lost = self.acknowledged - gone - records.keys()
        if lost:
            yield f"{sorted(lost)} were acknowledged and are gone"
        if gone & records.keys() and self._done("trash"):
            yield f"{sorted(gone & records.keys())} came back from the trash"
        for number, record in records.items():
            if store.load(record) != state_of(THREAD, number):
                yield f"{number} loads as something else"

    def _of_the_head(self, store: Store) -> Iterator[str]:
        moves = [step for step in self.steps if step.name in {"save", "restore"}]
        done = [index for index, step in enumerate(moves) if not step.error]
        allowed = {step.number for step in moves[done[-1] if done else 0 :]}
        head = store.head(AGENT, THREAD)
        number = store.get(head.checkpoint_id).step if head else None
        if number not in allowed and (done or head):
            yield f"the head is {number}, not of {sorted(allowed)}"

    def _tried(self, name: str) -> bool:
        return any(step.name == name for step in self.steps)

    def _done(self, name: str) -> bool:
        return any(step.name == name and not step.error for step in self.steps)
