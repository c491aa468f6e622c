"""States with all that is usual in them, some of which change their form for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any
from uuid import UUID

LENGTHS = (30, 60, 120, 300)
WINDOW = 12
State = dict[str, Any]


def schema_series(seed: int, *, each: int = 10) -> Iterator[dict[str, Any]]:
    """Yield ``each`` series per length and kind of change, and as many clean ones as changed.

    All have optional fields, some that may be null, unions, lists of any length, mappings with
    ids as keys, and single exceptions; a third has a field that comes and goes. A change must
    be found within 12 states.
    """
    random = Random(seed)
    for length in LENGTHS:
        for name, change in CHANGES.items():
            for _ in range(each):
                yield _series(random, length, name, change)
                yield _series(random, length, "no change", None)


def _series(
    random: Random, length: int, name: str, change: Callable[[State], None] | None
) -> dict[str, Any]:
    make = _maker(random)
    start = random.randrange(length // 2, length - 8)
    exceptions = set(random.sample(range(length), max(1, length // 40)))
    states = []
    for place in range(length):
        state = make(place)
        if change and place >= start:
            change(state)
        elif place in exceptions:
            random.choice(EXCEPTIONS)(state)
        states.append(state)
    label = {"start": start, "window": min(WINDOW, length - start)} if change else None
    return {"metric": name, "x": states, "label": label}


def states_of(random: Random, length: int) -> list[State]:
    """Return states of one agent, all of one form."""
    make = _maker(random)
    return [make(place) for place in range(length)]


def _maker(random: Random) -> Callable[[int], State]:
    """Return what makes the states of one agent, with chances of its own."""
    optional, null, whole = (random.uniform(0.1, 0.9) for _ in range(3))
    comes_and_goes = random.random() < 1 / 3
    sticky = {"until": 0, "there": False}

    def make(place: int) -> State:
        if place >= sticky["until"]:
            sticky.update(until=place + random.randint(1, 4), there=random.random() < 0.5)
        state: State = {
            "step": place,
            "goal": "sort the inbox",
            "budget": random.randrange(100) if random.random() < whole else random.random(),
            "plan": {
                "steps": ["look", "act"][: random.randrange(3)],
                "done": random.random() < 0.5,
            },
            "messages": _messages(random),
            "last_error": None if random.random() < null else "timed out",
            "users": {str(UUID(int=random.getrandbits(128))): {"age": 3} for _ in range(3)},
            "scores": [random.choice([1, 0.5, None]) for _ in range(random.randrange(12))],
            "config": {"model": "large", "limits": {"tokens": 4000, "usd": 1.5}},
        }
        if random.random() < optional:
            state["note"] = "something"
        if comes_and_goes and sticky["there"]:
            state["tool"] = {"name": "search", "retries": 1}
        return state

    return make


def _messages(random: Random) -> list[State]:
    count = random.randrange(15)
    return [
        {"role": "user", "content": "hello", **({"name": "x"} if random.random() < 0.3 else {})}
        for _ in range(count)
    ]


def _as_text(state: State) -> None:
    state["step"] = str(state["step"])


def _as_list(state: State) -> None:
    state["goal"] = [state["goal"]]


def _lost(state: State) -> None:
    del state["budget"]


def _lost_below(state: State) -> None:
    del state["config"]["limits"]["usd"]


def _lost_branch(state: State) -> None:
    del state["config"]


def _null(state: State) -> None:
    state["plan"] = None


def _new(state: State) -> None:
    state["plan_v2"] = {"steps": []}


def _new_below(state: State) -> None:
    state["config"]["region"] = "north"


def _other_elements(state: State) -> None:
    state["messages"] = [message["content"] for message in state["messages"]] or ["x"]


CHANGES: dict[str, Callable[[State], None]] = {
    "another type": _as_text,
    "a list now": _as_list,
    "a field is lost": _lost,
    "a field below is lost": _lost_below,
    "a branch is lost": _lost_branch,
    "null now": _null,
    "a new field": _new,
    "a new field below": _new_below,
    "other elements": _other_elements,
}
EXCEPTIONS = [*CHANGES.values()]


def schema_differs(states: list[State]) -> list[int]:
    """The naive rule: signal where the names and types at the top differ from the state before."""
    forms = [{name: type(value) for name, value in state.items()} for state in states]
    return [place for place in range(1, len(forms)) if forms[place] != forms[place - 1]]
