"""Checks of many who save at once: processes that race for a head, threads of one process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from checkpoints.errors import HeadMoved
from checkpoints.selftest.bench import Bench
from checkpoints.selftest.children import Child
from checkpoints.selftest.outcomes import require
from checkpoints.selftest.samples import draft, save_chain, state
from checkpoints.stores.base import Store

ROUNDS = 12
THREADS = 8
SAVES = 8


def race(bench: Bench) -> None:
    """Of two processes that save after the same head, one wins and the other is refused."""
    head = save_chain(bench.open(), 1)[0].id
    with bench.child("race") as one, bench.child("race") as other:
        one.answer()
        other.answer()
        for number in range(2, 2 * ROUNDS + 2, 2):
            head = _round(bench, (one, other), number, head)
    kept = len(bench.open().history(None, "main"))
    require(kept == ROUNDS + 1, f"{ROUNDS + 1} saves were acknowledged and {kept} are listed")


def _round(bench: Bench, racers: tuple[Child, Child], number: int, head: str) -> str:
    """Let both save after ``head`` and return the new head."""
    for n, racer in enumerate(racers):
        racer.tell(f"{number + n} {head}")
    answers = [racer.answer() for racer in racers]
    require(
        sorted(answers) == ["refused", "won"],
        f"two processes saved after the same head: one {answers[0]}, the other {answers[1]}",
    )
    winner = f"c{number + answers.index('won')}"
    now = bench.open().head(None, "main")
    found = now.checkpoint_id if now else None
    require(found == winner, f"{winner} won the race and {found} is the head")
    return winner


def threads(bench: Bench) -> None:
    """Threads that share the store save beside each other; of those after one head one wins."""
    store = bench.open()
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(_chain, store, name) for name in range(THREADS)]:
            done.result()
    for name in range(THREADS):
        for number in range(1, SAVES + 1):
            bench.require_loads(_id(name, number), state(number))
    _one_wins(bench, store)


def _chain(store: Store, name: int) -> None:
    parent = None
    for number in range(1, SAVES + 1):
        given = draft(number, parent=parent, id=_id(name, number), thread_id=f"thread {name}")
        parent = store.put(given, state(number), expected_head=parent).id


def _one_wins(bench: Bench, store: Store) -> None:
    head = save_chain(store, 1)[0].id
    start = threading.Barrier(THREADS)

    def attempt(number: int) -> bool:
        start.wait()
        try:
            store.put(draft(number, parent=head), state(number), expected_head=head)
        except HeadMoved:
            return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        won = sum(pool.map(attempt, range(2, 2 + THREADS)))
    kept = len(bench.open().history(None, "main"))
    require(won == 1, f"{won} threads saved after the same head")
    require(kept == 2, f"2 saves were acknowledged and {kept} are listed")


def _id(name: int, number: int) -> str:
    return f"t{name}-c{number}"
