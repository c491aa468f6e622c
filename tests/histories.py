"""Real stores with a past, saved by the SDK: what a dashboard shows after a day of work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import checkpoints

SENTENCE = (
    "the index was rebuilt after the second crawl and two sources had moved; the price table is "
    "complete except for three rows whose currency is unknown; ask before writing to the ledger"
)
WORDS = SENTENCE.split()
FAILURE = "ValidationError: total 1,204.50 does not match the sum of the lines, 1,204.05"


class Clock:
    """A clock that the history sets."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def text(random: Random, words: int) -> str:
    """Return some words."""
    return " ".join(random.choice(WORDS) for _ in range(words))


def save_histories(folder: Path, *, now: datetime) -> str:
    """Save four agents' last day into a SQLite store; return its URL."""
    url = f"sqlite:///{folder / 'agents.db'}"
    for history in (_crawler, _researcher, _billing, _summariser):
        history(url, now)
    return url


def manager(
    url: str, agent: str, clock: Callable[[], datetime], **options: Any
) -> checkpoints.CheckpointManager:
    """Return a manager whose time is the history's."""
    return checkpoints.CheckpointManager(agent, store=url, clock=clock, **options)


def _crawler(url: str, now: datetime) -> None:
    """A day with a restore at noon, a pin, and a recovery checkpoint near its end."""
    random, clock = Random(7), Clock(now - timedelta(hours=22))
    state: dict[str, Any] = {"queue": [], "memory": {"sources": []}, "budget": {"usd": 0.0}}
    with manager(url, "crawler-7", clock) as crawler:
        saved = []
        for step in range(1, 171):
            clock.forward(random.uniform(120, 760))
            state["queue"] = [f"https://example.org/{random.randint(1, 900)}" for _ in range(8)]
            state["memory"]["sources"] = [*state["memory"]["sources"], text(random, 4)][-60:]
            state["budget"]["usd"] = round(state["budget"]["usd"] + random.random() / 50, 4)
            saved.append(_save_crawl(crawler, state, step, random))
            if step == 70:
                state = crawler.restore_checkpoint(saved[54])
            if step == 140:
                crawler.pin(saved[-1], "last good crawl before the site changed")


def _save_crawl(
    crawler: checkpoints.CheckpointManager, state: dict[str, Any], step: int, random: Random
) -> checkpoints.Checkpoint:
    kind = checkpoints.Kind.ROUTINE
    if step % 24 == 0:
        kind = checkpoints.Kind.PRE_OPERATION
    if step == 163:
        kind = checkpoints.Kind.RECOVERY
    return crawler.create_checkpoint(
        kind,
        state,
        step_name=("search", "fetch", "extract")[step % 3],
        metrics={"tokens": 1800 + random.randint(0, 400), "seconds": round(random.random(), 2)},
    )


def _researcher(url: str, now: datetime) -> None:
    """A conversation that grows, saved until just now."""
    random, clock = Random(3), Clock(now - timedelta(hours=9))
    state: dict[str, Any] = {"conversation": [], "plan": [{"id": 1, "done": False}]}
    with manager(url, "researcher", clock) as researcher:
        for turn in range(80):
            clock.forward(400)
            state["conversation"].append({"role": "tool", "content": text(random, 40)})
            state["conversation"].append({"role": "assistant", "content": text(random, 22)})
            researcher.create_checkpoint(
                state=state,
                step_name=("search", "read", "write")[turn % 3],
                iteration=turn // 3,
                metrics={"tokens": 900 + 11 * turn},
            )


def _billing(url: str, now: datetime) -> None:
    """A chain per invoice; the last one failed in validation."""
    clock = Clock(now - timedelta(hours=5))
    steps = ("initialization", "pre_retrieval", "generation", "validation", "complete")
    for invoice in range(2041, 2046):
        with manager(url, "billing-chain", clock, thread=f"invoice-{invoice}") as chain:
            for name in steps[: 4 if invoice == 2045 else 5]:
                clock.forward(90)
                failed = invoice == 2045 and name == "validation"
                chain.create_checkpoint(
                    state={"invoice": invoice, "lines": list(range(12)), "step": name},
                    step_name=name,
                    status=_status(name, failed=failed),
                    metadata={"error": FAILURE} if failed else {},
                )


def _status(name: str, *, failed: bool) -> checkpoints.Status:
    if failed:
        return checkpoints.Status.FAILED
    done = name == "complete"
    return checkpoints.Status.COMPLETED if done else checkpoints.Status.RUNNING


DRIFTING = "summariser"


def _summariser(url: str, now: datetime) -> None:
    """Steady work for most of the day; for its last hour it repeats itself and pays for it."""
    random, clock = Random(11), Clock(now - timedelta(hours=9))
    with manager(url, DRIFTING, clock) as summariser:
        for page in range(150):
            drifts = page >= 132
            clock.forward(random.gauss(210, 12))
            summariser.create_checkpoint(
                state={"page": page, "summary": text(random, 90 if drifts else 30)},
                step_name="summarise",
                iteration=page,
                metrics={
                    "tokens": round(random.gauss(2350 if drifts else 1400, 70)),
                    "seconds": round(random.gauss(7.1 if drifts else 3.2, 0.25), 2),
                    "tool_calls": random.randint(1, 3),
                },
            )
