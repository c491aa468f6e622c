"""Groups of agents that share values, deployments that write states, and plans for a goal."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from benchmarks.drift.generators.schemas import CHANGES, states_of

GOAL = "find the cheapest flight and hotel, compare prices and book with the payment of the user"
_ON = "flight hotel book search payment user seat date city price confirm compare offer find"
_OFF = "poem sea wave sonnet rhyme garden recipe tomato guitar chord paint brush flight"
APART = (None, "a key", "a clock", "a version")


def groups(seed: int, *, each: int = 20, agents: int = 3) -> Iterator[dict[str, Any]]:
    """Yield updates of groups; in three of four one agent falls out of step half-way.

    One agent changes what is shared, the others take it up at their next turn. An element of
    ``x`` is what :meth:`checkpoints.drift.groups.GroupDetector.update` takes.
    """
    random = Random(seed)
    for _ in range(each):
        for apart in APART:
            yield _group(random, apart, agents)


def _group(random: Random, apart: str | None, agents: int) -> dict[str, Any]:
    length, now, shared = 80 * agents, 1e9, 0
    shown, updates = [0] * agents, []
    for turn in range(length):
        agent = turn % agents if random.random() < 0.8 else random.randrange(agents)
        off = apart if agent == 1 and turn >= length // 2 else None
        now += random.expovariate(1 / 20)
        shared += random.random() < 0.03
        shown[agent] = shown[agent] if off == "a key" else shared
        at = now - (4000 if off == "a clock" else 0)
        values = {"budget": shown[agent], "step": turn, "goal": GOAL}
        updates.append((f"agent-{agent}", values, at, "2" if off == "a version" else "1"))
    changes = [place for place in range(length // 2, length) if updates[place][0] == "agent-1"]
    label = {"start": changes[0], "window": length - changes[0]} if apart else None
    return {"metric": apart or "nothing", "x": updates, "label": label}


def deployments(seed: int, *, each: int = 5) -> Iterator[dict[str, Any]]:
    """Yield states of two deployments; in every other series the second writes another form."""
    random = Random(seed)
    for _ in range(each):
        for name, change in CHANGES.items():
            for changed in (True, False):
                made = states_of(random, 60)
                for state in made[30:] if changed else ():
                    change(state)
                named = [("v1" if place < 30 else "v2", state) for place, state in enumerate(made)]
                label = {"start": 30, "window": 30} if changed else None
                yield {"metric": name if changed else "nothing", "x": named, "label": label}


def plans(seed: int, *, each: int = 60) -> Iterator[dict[str, Any]]:
    """Yield plans for one goal; in every other series they turn to something else half-way."""
    random = Random(seed)
    for number in range(each):
        steps = [_plan(random, _OFF if number % 2 and place >= 50 else _ON) for place in range(100)]
        label = {"start": 50, "window": 30} if number % 2 else None
        yield {"metric": "divergence", "x": steps, "label": label}


def _plan(random: Random, words: str) -> list[str]:
    return [
        " ".join(random.choices(words.split(), k=random.randint(3, 8)))
        for _ in range(random.randint(3, 8))
    ]
