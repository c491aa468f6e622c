"""A short life of a store, told step by step, while calls to the system fail.

``python -m tests.faults.stores.scenario KIND`` with the shim preloaded reads one order a line from
its input (see ``Order``), carries each out in a fork, and answers with one line of steps.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from checkpoints import CheckpointError, Store
from tests.faults.stores.states import AGENT, MORNING, opened, save

THREAD = "main"
SAVES = (1, 2, 3, 4)
RESTORED = 3
SAVES_AFTER = (5, 6)
TRASHED = (2, 4)
LAST = 7
PATIENCE_SECONDS = 60
WRITES, SYNCS, CUTS, RENAMES = 1, 2, 4, 8
EVERYTHING = WRITES | SYNCS | CUTS | RENAMES


@dataclass(frozen=True, slots=True)
class Order:
    """Which call below ``folder`` shall fail: the ``at``th of ``kinds``, and perhaps all later.

    ``error`` is an error number, or 0 for a write of half of what was given.
    """

    url: str
    folder: str
    at: int
    error: int
    from_then_on: bool
    kinds: int = EVERYTHING


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what came of it and how many calls had failed before and after it.

    ``error`` is empty when it was done, else the error's class and text; ``ours`` says whether
    that is one of the SDK's.
    """

    name: str
    number: int
    error: str
    ours: bool
    failed_before: int
    failed_after: int


class Life:
    """The steps, each tried whatever came of those before it."""

    def __init__(self, url: str, failed: Callable[[], int]) -> None:
        self._url = url
        self._failed = failed
        self._store: Store | None = None
        self.steps: list[Step] = []

    def live(self) -> None:
        """Do everything once with one opened store, and at last open it anew and save."""
        self._try("open", 0, lambda _: self._open())
        for number in SAVES:
            self._try("save", number, lambda n: save(self._opened, THREAD, n))
        self._try("restore", RESTORED, self._restore)
        for number in SAVES_AFTER:
            self._try("save", number, lambda n: save(self._opened, THREAD, n))
        self._try("trash", 0, lambda _: self._trash())
        self._try("sweep", 0, lambda _: self._opened.sweep(before=MORNING + timedelta(days=9)))
        self._try("close", 0, lambda _: self._opened.close())
        self._try("open anew", 0, lambda _: self._open())
        self._try("save", LAST, lambda n: save(self._opened, THREAD, n))

    @property
    def _opened(self) -> Store:
        if self._store is None:
            self._open()
        assert self._store is not None
        return self._store

    def _open(self) -> None:
        self._store = opened(self._url)

    def _restore(self, number: int) -> None:
        store = self._opened
        plan = store.plan_restore(store.get(f"{THREAD}-{number}"))
        store.restore(
            plan,
            written_ids=store.choose_ids(plan),
            operation_id="operation-1",
            reason="the plan was wrong",
            now=MORNING + timedelta(hours=1),
        )

    def _trash(self) -> None:
        records = {r.id for r in self._opened.history(AGENT, THREAD)}
        wanted = {f"{THREAD}-{n}": "old" for n in TRASHED if f"{THREAD}-{n}" in records}
        self._opened.trash(wanted, now=MORNING + timedelta(days=1))

    def _try(self, name: str, number: int, work: Callable[[int], object]) -> None:
        before, error, ours = self._failed(), "", True
        try:
            work(number)
        except Exception as caught:  # noqa: BLE001 - whether it is ours is what is asked
            error, ours = f"{type(caught).__name__}: {caught}", isinstance(caught, CheckpointError)
        self.steps.append(Step(name, number, error, ours, before, self._failed()))


def carry_out(order: Order) -> Iterator[Step]:
    """Live while calls fail; the last step tells how many calls there were."""
    shim = ctypes.CDLL(None)
    shim.fault_seen.restype = shim.fault_fired.restype = ctypes.c_long
    at = ctypes.c_long(order.at)
    folder = os.fsencode(order.folder)
    shim.fault_arm(folder, order.kinds, at, order.error, int(order.from_then_on))
    life = Life(order.url, shim.fault_fired)
    life.live()
    shim.fault_disarm()
    yield from life.steps
    yield Step("calls", shim.fault_seen(), "", True, 0, shim.fault_fired())


def warm_up(kind: str) -> None:
    """Import all that a life needs, so that no fork has to."""
    with tempfile.TemporaryDirectory() as folder:
        Life(f"{kind}:///{folder}/store", lambda: 0).live()


def main(kind: str) -> None:
    """Fork for each order, so that each finds a process in which nothing happened yet."""
    warm_up(kind)
    for text in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.alarm(PATIENCE_SECONDS)
            order = Order(**json.loads(text))
            steps = [[getattr(s, name) for name in Step.__slots__] for s in carry_out(order)]
            os.write(1, json.dumps(steps).encode() + b"\n")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            os.write(1, json.dumps([["died", status, "died", False, 0, 1]]).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
