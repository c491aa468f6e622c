"""Runs of an agent that calls tools: some get caught in a circle, some only seem to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from uuid import UUID

TOOLS = ("search", "read_file", "list_orders", "get_user", "run_tests", "write_file", "ask")
_VOCABULARY = (
    "invoice parser timeout schema order payment customer refund flight hotel weather report "
    "deploy cluster node index token budget draft review merge branch release ticket queue "
    "account address delivery stock price quote contract meeting calendar reminder summary"
)
WORDS = _VOCABULARY.split()
EPOCH = 1_760_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as an agent makes it."""

    tool: str
    arguments: Any
    result: Any


Change = Callable[[Random, Call, int], Call]


def call_runs(
    seed: int, *, count: int, real: Sequence[Sequence[Call]] = ()
) -> Iterator[dict[str, Any]]:
    """Yield runs, half of them with a loop, the others with what looks like one.

    They begin and end with calls that are made up or taken from ``real`` runs. ``metric`` names
    what was put in. A loop must be found before it ends.
    """
    random = Random(seed)
    for number in range(count):
        before, after = (_usual(random, real, random.randint(3, 20)) for _ in range(2))
        looping = number % 2 == 0
        name = random.choice(list(LOOPS if looping else LOOKALIKES))
        inside = _loop(random, LOOPS[name]) if looping else LOOKALIKES[name](random)
        start = len(before)
        label = {"start": start, "window": len(inside) + 1} if looping else None
        yield {"metric": name, "x": [*before, *inside, *after], "label": label}


def _usual(random: Random, real: Sequence[Sequence[Call]], length: int) -> list[Call]:
    if real and random.random() < 0.5:
        return list(random.choice(real))
    return [made_up(random) for _ in range(length)]


def made_up(random: Random) -> Call:
    """Return one call with arguments and a result of its own."""
    arguments = {"query": _text(random, 3), "limit": random.choice([5, 10, 20])}
    if random.random() < 0.2:
        arguments = {"id": f"ORD-{random.randrange(10**6):06d}"}
    return Call(tool=random.choice(TOOLS), arguments=arguments, result=_result(random))


def _result(random: Random) -> Any:
    chosen = random.random()
    if chosen < 0.15:
        return {"error": f"Connection to {random.choice(WORDS)}-db timed out"}
    if chosen < 0.3:
        return "ok"
    if chosen < 0.5:
        return _text(random, 40)
    rows = [
        {"name": random.choice(WORDS), "amount": random.randrange(1000)}
        for _ in range(random.randint(1, 8))
    ]
    return json.dumps({"items": rows, "count": len(rows)})


def _text(random: Random, words: int) -> str:
    return " ".join(random.choices(WORDS, k=words))


def _loop(random: Random, change: Change) -> list[Call]:
    period = random.randint(1, 6)
    circle = [made_up(random) for _ in range(period)]
    if period > 1 and random.random() < 0.5:
        circle = [replace(call, tool=circle[0].tool) for call in circle]
    rounds = random.randint(4, 9) if period < 3 else random.randint(3, 6)
    return [
        change(random, call, turn * period + place)
        for turn in range(rounds)
        for place, call in enumerate(circle)
    ]


def _exact(_: Random, call: Call, __: int) -> Call:
    return call


def _request_id(random: Random, call: Call, _: int) -> Call:
    name = Random(call.tool).choice(["request_id", "trace_id", "nonce", "requestId"])
    return replace(call, arguments={**call.arguments, name: _uuid(random)})


def _moment(random: Random, call: Call, number: int) -> Call:
    now = EPOCH + 7 * number + random.random()
    written = f"2026-03-01T10:{number % 60:02d}:41Z"
    choices = [("timestamp", now), ("ts", int(now)), ("called_at", written)]
    name, value = Random(call.tool).choice(choices)
    return replace(call, arguments={**call.arguments, name: value})


def _attempt(_: Random, call: Call, number: int) -> Call:
    return replace(call, arguments={**call.arguments, "attempt": number})


def _took(random: Random, call: Call, _: int) -> Call:
    result = {"data": call.result, "took_ms": random.randrange(20, 900)}
    return replace(call, result=result)


def _noise(random: Random, call: Call, _: int) -> Call:
    base = Random(repr(call.arguments))
    rows = [{"name": base.choice(WORDS), "score": base.randrange(900)} for _ in range(12)]
    rows[5] = {**rows[5], "score": random.randrange(900)}
    return replace(call, result={"rows": rows})


def _failing(random: Random, call: Call, _: int) -> Call:
    waited = f"{random.uniform(29, 31):.2f}"
    result = f"Error: request {_uuid(random)} timed out after {waited} s"
    return replace(call, result=result, arguments={**call.arguments, "session": _uuid(random)})


LOOPS: dict[str, Change] = {
    "exactly the same": _exact,
    "ids of requests": _request_id,
    "times": _moment,
    "attempts counted": _attempt,
    "durations in results": _took,
    "one word of noise in results": _noise,
    "errors with ids and numbers": _failing,
}


def _polling(random: Random) -> list[Call]:
    call = Call(tool="get_job", arguments={"job_id": "job-7731"}, result=None)
    done = sorted(random.sample(range(100), random.randint(4, 15)))
    shapes: list[Callable[[int], Any]] = [
        lambda share: {"status": "running", "progress": share},
        lambda share: f"The job is running, {share} % of its records have been processed so far",
        lambda share: {"state": "RUNNING", "rows": share * 1000, "stage": WORDS[share % 30]},
    ]
    shape = random.choice(shapes)
    return [replace(call, result=shape(share)) for share in done]


def _watching(random: Random) -> list[Call]:
    """Return calls that ask for something that goes up and down."""
    call = Call(tool="get_price", arguments={"symbol": "KELP"}, result=None)
    return [
        replace(call, result={"symbol": "KELP", "price": round(random.uniform(90, 110), 2)})
        for _ in range(random.randint(4, 15))
    ]


def _paging(random: Random) -> list[Call]:
    name = random.choice(["page", "offset", "cursor"])
    pages = random.randint(4, 15)
    keys: list[Any] = [_uuid(random) if name == "cursor" else place for place in range(pages)]
    return [
        Call(tool="list_orders", arguments={name: key, "limit": 20}, result=_rows(random))
        for key in keys
    ]


def _rows(random: Random) -> Any:
    return [{"id": _uuid(random), "name": random.choice(WORDS)} for _ in range(10)]


def _batch(random: Random) -> list[Call]:
    """Return calls that do the same to one thing after another."""
    name = random.choice(["id", "user_id", "path"])
    keys = [f"/data/{_text(random, 2)}" if name == "path" else _uuid(random) for _ in range(12)]
    return [Call(tool="archive", arguments={name: key}, result="ok") for key in keys]


def _working(random: Random) -> list[Call]:
    """Return calls that change a file and run the same tests, until those pass."""
    made = []
    for left in range(random.randint(3, 7), 0, -1):
        edit = {"path": "a.py", "text": _text(random, 12)}
        made.append(Call(tool="write_file", arguments=edit, result="ok"))
        result = f"{left} failed, {_text(random, 8)}"
        made.append(Call(tool="run_tests", arguments={}, result=result))
    return made


def _again_once(random: Random) -> list[Call]:
    """Return a plan that is carried out a second time, or a call made thrice."""
    plan = [made_up(random) for _ in range(random.randint(2, 6))]
    return plan * 2 if random.random() < 0.6 else plan[:1] * 3


def _hours(random: Random) -> list[Call]:
    return [
        Call(tool="backfill", arguments={"hour": f"2026-03-01T{hour:02d}:00:00Z"}, result="ok")
        for hour in range(random.randint(5, 20))
    ]


LOOKALIKES: dict[str, Callable[[Random], list[Call]]] = {
    "nothing": lambda random: [made_up(random) for _ in range(8)],
    "polling a job": _polling,
    "watching a price": _watching,
    "paging": _paging,
    "a batch": _batch,
    "edit and test": _working,
    "once more": _again_once,
    "hour after hour": _hours,
}


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def names_repeat(calls: Sequence[Call], *, times: int = 3) -> list[int]:
    """The naive rule: signal where a tool was called so many times in a row, once per row."""
    found, run = [], 0
    for place, call in enumerate(calls):
        run = run + 1 if place and call.tool == calls[place - 1].tool else 1
        if run == times:
            found.append(place)
    return found
