"""Going through the scenarios of one kind of store: each begins where the past ended."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from django.db import transaction

from dashboard.models import Operation
from tests.faults.sweep import checks
from tests.faults.sweep.acts import ACTS, Act
from tests.faults.sweep.environment import folder
from tests.faults.sweep.plays import Boundary, Drama, Fault
from tests.faults.sweep.stores import Kind
from tests.faults.sweep.worlds import Look, World, begin

SINGLE = (
    *("crash", "zombie", "zombie-undo", "twice", "writer", "stale-writer", "side-writer"),
    *(
        "cancel",
        "missing",
        "timeout",
        "transient",
        "blink",
        "undo-race",
        "undo-first",
        "lie",
        "rival",
    ),
)
PAIRS = (
    *(("crash", other) for other in ("crash", "zombie", "writer", "cancel", "timeout", "missing")),
    *((other, "crash") for other in ("zombie", "writer", "cancel", "timeout", "missing", "twice")),
    *(("zombie", other) for other in ("zombie", "writer", "cancel", "timeout")),
    *(("writer", "writer"), ("zombie-undo", "crash"), ("crash", "zombie-undo")),
    *(("stale-writer", "crash"), ("crash", "stale-writer"), ("timeout", "zombie")),
    *(("timeout", "timeout"), ("blink", "crash"), ("crash", "undo-race"), ("undo-race", "crash")),
)


@dataclass
class Tally:
    """How many scenarios were played, and what was found wrong in which."""

    played: int = 0
    wrong: dict[str, list[str]] = field(default_factory=dict)
    by_act: dict[str, int] = field(default_factory=dict)
    by_fault: dict[str, int] = field(default_factory=dict)

    def count(self, act: str, faults: Sequence[Fault]) -> None:
        self.played += 1
        self.by_act[act] = self.by_act.get(act, 0) + 1
        named = "+".join(fault.name for fault in faults)
        self.by_fault[named] = self.by_fault.get(named, 0) + 1


@dataclass
class Sweep:
    """The scenarios of one kind. ``stop`` says when there is no time left."""

    kind: Kind
    seed: int
    tally: Tally = field(default_factory=Tally)
    stop: Callable[[], bool] = lambda: False
    combinations: Sequence[tuple[str, ...]] = ()
    tell: Callable[[str], object] = lambda line: None
    _before: tuple[UUID, Look] | None = None

    def run(self, wanted: int, acts: Sequence[str] = ()) -> Tally:
        """Play about ``wanted`` scenarios, spread over the acts that this kind can do."""
        gc.disable()
        with _rolled_back():
            world = begin(self.kind, folder())
            gc.collect()
            gc.freeze()
            able = [act for act in ACTS.values() if _can(world, act) and act.name in (acts or ACTS)]
            for number, act in enumerate(able):
                left = wanted - self.tally.played
                self._sweep_act(world, act, max(1, left // (len(able) - number)))
        return self.tally

    def play_one(self, act: Act, faults: Sequence[Fault]) -> list[str]:
        """Play one scenario by its name."""
        with _rolled_back():
            world = begin(self.kind, folder())
            with _asked(world, act) as operation:
                self._play(world, act, operation, faults)
        return [line for lines in self.tally.wrong.values() for line in lines]

    def _sweep_act(self, world: World, act: Act, wanted: int) -> None:
        with _asked(world, act) as operation:
            trace = self._play(world, act, operation, ())
            played = self.tally.played
            random = Random(f"{self.seed}{self.kind.name}{act.name}")
            for faults in self._scenarios(trace, random):
                if self.tally.played - played >= wanted or self.stop():
                    return
                self._play(world, act, operation, faults)

    def _scenarios(self, trace: Sequence[Boundary], random: Random) -> Iterator[tuple[Fault, ...]]:
        if not self.combinations:
            return scenarios(trace, random)
        return chosen(trace, random, self.combinations)

    def _play(
        self, world: World, act: Act, operation: Operation, faults: Sequence[Fault]
    ) -> list[Boundary]:
        """Play one scenario and go back to where it began."""
        with _gone_back(world), world.inhabited():
            before = self._seen_before(world, operation)
            drama = Drama(world=world, operation=Operation.objects.get(pk=operation.pk))
            drama.faults = faults
            drama.tell = self.tell
            settled = drama.play()
            for row in Operation.objects.order_by("created_at"):
                self.tell(f"{row.kind} {row.state}, {row.attempts} attempts: {row.message}")
            if drama.befell:
                self._check(world, act, faults, settled, before)
        return drama.trace

    def _seen_before(self, world: World, operation: Operation) -> Look:
        """Look at the store once for all scenarios of an act: each begins with the same."""
        if self._before is None or self._before[0] != operation.pk:
            self._before = (operation.pk, world.look())
        return self._before[1]

    def _collect(self) -> None:
        """Collect garbage now and then only: it takes long where so much is loaded."""
        if self.tally.played % 50 == 0:
            gc.collect()

    def _check(
        self, world: World, act: Act, faults: Sequence[Fault], settled: bool, before: Look
    ) -> None:
        found = checks.violations(world, settled=settled, before=before)
        self.tally.count(act.name, faults)
        self._collect()
        if found:
            self.tally.wrong[name_of(self.kind.name, act.name, faults)] = found


def scenarios(trace: Sequence[Boundary], random: Random) -> Iterator[tuple[Fault, ...]]:
    """Yield single faults and pairs in an order that the seed decides, until none are left.

    Of six, two are kills alone, until the worker has died at each boundary once.
    """
    crashes = _shuffled([Fault("crash", at) for at in range(len(trace))], random)
    singles = _shuffled(
        [
            Fault(name, at)
            for name in SINGLE[1:]
            for at, boundary in enumerate(trace)
            if boundary.suits(name)
        ],
        random,
    )
    pairs = chosen(trace, random, PAIRS)
    while crashes or singles:
        drawn = random.randrange(6)
        if drawn < 2 and crashes:
            yield (crashes.pop(),)
        elif drawn < 4 and singles:
            yield (singles.pop(),)
        elif (pair := next(pairs, None)) is not None:
            yield pair
    yield from pairs


def chosen(
    trace: Sequence[Boundary], random: Random, combinations: Sequence[tuple[str, ...]]
) -> Iterator[tuple[Fault, ...]]:
    """Yield faults of these combinations only, at places that the seed decides."""
    fitting = {
        name: [at for at, boundary in enumerate(trace) if boundary.suits(name)]
        for names in combinations
        for name in names
    }
    seen: set[tuple[Fault, ...]] = set()
    for _ in range(len(trace) * len(combinations) * 4):
        names = random.choice(combinations)
        if not all(fitting[name] for name in names):
            continue
        faults = tuple(Fault(name, random.choice(fitting[name])) for name in names)
        if faults not in seen:
            seen.add(faults)
            yield faults


def _shuffled(faults: list[Fault], random: Random) -> list[Fault]:
    random.shuffle(faults)
    return faults


def name_of(kind: str, act: str, faults: Sequence[Fault]) -> str:
    """Return the name by which a scenario is played again."""
    return f"{kind}/{act}/{'+'.join(map(str, faults)) or 'peace'}"


def _can(world: World, act: Act) -> bool:
    if act.name == "erase_user" and not world.kind.knows_users:
        return False
    store = world.kind.open()
    try:
        return not act.capability or bool(getattr(store.capabilities, act.capability))
    finally:
        store.close()


@contextmanager
def _asked(world: World, act: Act) -> Iterator[Operation]:
    """Prepare an act and ask for it; afterwards all is as it was."""
    with _gone_back(world), world.inhabited():
        act.prepare(world)
        world.learn_states()
        operation = act.ask(world)
        yield operation


@contextmanager
def _gone_back(world: World) -> Iterator[None]:
    """Let store, index, time and books be again as they are now."""
    image, now, books = world.kind.image(), world.clock.now, deepcopy(world.books)
    try:
        with _rolled_back():
            yield
    finally:
        world.kind.become(image)
        world.clock.now, world.books, world.gone, world.workers = now, books, False, 0
        world.hints.clear()


@contextmanager
def _rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def until(seconds: float) -> Callable[[], bool]:
    """Return what says when so many seconds have passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
