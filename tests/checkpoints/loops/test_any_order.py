"""Errors, restores, directives and restarts in any order lose nothing and spend no more."""

from __future__ import annotations

import itertools
import random

import pytest

from checkpoints import CheckpointManager, Directive, Strategy
from checkpoints.loops import Budget, DriftCheck, LoopResult, LoopState, run_loop
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import NOON

ACTIONS = 200
LIMIT = 2.0


class Boom(Exception):
    """The agent's own."""


class World:
    """One thread in which everything happens by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.store = MemoryStore()
        self.spent = 0.0
        self._operations = itertools.count()

    def run_once(self) -> LoopResult | None:
        frequency = self.chance.choice([1, 3, None])
        durability = self.chance.choice(["sync", "async"])
        with CheckpointManager(
            "agent-1",
            store=self.store,
            checkpoint_frequency=frequency,
            durability=durability,  # type: ignore[arg-type]
        ) as manager:
            try:
                return run_loop(
                    lambda state: self.step(state, manager),
                    manager=manager,
                    state=LoopState(pending_actions=range(ACTIONS)),
                    max_cycles=30,
                    budget=Budget(limit_usd=LIMIT),
                    drift=DriftCheck(every=7) if self.happens(0.3) else None,
                )
            except Boom:
                return None

    def step(self, state: LoopState, manager: CheckpointManager) -> None:
        done = len(state.completed_actions) + len(state.skipped_actions)
        assert done + len(state.pending_actions) == ACTIONS
        assert done == state.cycle
        if self.happens(0.05):
            with manager.operation("risky"):
                pass
        if self.happens(0.3):
            state.begin_iteration()
        state.step_name = self.chance.choice(["generation", "thinking", None])
        state.completed_actions.append(state.pending_actions.pop(0))
        state.budget.charge(0.01)
        self.spent += 0.01
        if self.happens(0.06):
            self.operator_does_something()
        if self.happens(0.04):
            raise Boom

    def operator_does_something(self) -> None:
        head = self.store.head("agent-1", "main")
        if head is None:
            return
        records = self.store.history("agent-1", "main")
        parameters = {"checkpoint_id": self.chance.choice(records).id} if self.happens(0.3) else {}
        strategy = self.chance.choice(list(Strategy))
        self.store.set_head(
            self.chance.choice(records),
            expected=head.checkpoint_id,
            now=NOON,
            operation_id=f"operation-{next(self._operations)}",
            reason="by chance",
            directive=Directive(strategy=strategy, parameters=parameters),
        )

    def happens(self, probability: float) -> bool:
        return self.chance.random() < probability


@pytest.mark.parametrize("seed", range(40))
def test_a_loop_comes_to_its_end_whatever_happens(seed: int) -> None:
    world = World(seed)
    for _ in range(200):
        ended = world.run_once()
        if ended is not None:
            head = world.store.head("agent-1", "main")
            assert head is not None
            assert world.store.get(head.checkpoint_id).status == ended.status
            assert ended.state.budget.spent_usd == pytest.approx(world.spent)
            if ended.reason in {"max_cycles", "budget"}:
                break
    else:
        pytest.fail("it never ended")
    assert world.spent <= LIMIT + 1e-6
