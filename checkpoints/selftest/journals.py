"""Checks of the journal, and that what is erased is gone from everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from checkpoints.errors import CheckpointNotFound, UnsupportedState
from checkpoints.records import JournalEntry
from checkpoints.sameness import same_entry
from checkpoints.selftest.bench import Bench, require_refused
from checkpoints.selftest.outcomes import require
from checkpoints.selftest.samples import AGENT, NOON, THREAD, entry, odd_state, save_chain, state
from checkpoints.selftest.together import THREADS

LATER = NOON + timedelta(days=1)
KEYS = ("", "a", "a\x01", "a b", "a1", "ab", "b", "é", "€", "🪢")
"""In the order of their bytes in UTF-8."""


def journal(bench: Bench) -> None:
    """Journal entries read back exactly and in order; of one key the first stays."""
    given = [entry(key, data=odd_state(), checkpoint_id="c1") for key in KEYS]
    new = bench.open().record(given[::-1])
    require(new == len(KEYS), f"{len(KEYS)} entries were recorded and {new} of them are new")
    _holds(bench, given)
    again = bench.open().record([entry(key, data={"again": True}) for key in KEYS])
    require(again == 0, f"entries that were there already are recorded as {again} new ones")
    _holds(bench, given)
    _refuses_what_it_cannot_keep(bench, given)
    _one_is_first(bench)
    gone = bench.open().forget(AGENT, THREAD, kind="effect", keys=["a", "nowhere"])
    require(gone == 1, f"1 entry was there to be forgotten and {gone} were")
    _holds(bench, [one for one in given if one.key != "a"])


def _holds(bench: Bench, expected: Sequence[JournalEntry]) -> None:
    found = bench.open().entries(AGENT, THREAD, kind="effect")
    keys = [one.key for one in found]
    wanted = [one.key for one in expected]
    require(keys == wanted, f"the entries {keys} are listed instead of {wanted}")
    for one, other in zip(found, expected, strict=True):
        require(same_entry(one, other), f"the entry {one.key!r} is not what was recorded")


def _refuses_what_it_cannot_keep(bench: Bench, given: Sequence[JournalEntry]) -> None:
    unknown = [entry("z"), entry("zz", data={"tool": object()})]
    require_refused(
        lambda: bench.open().record(unknown),
        UnsupportedState,
        "an entry that it cannot keep is not refused",
    )
    _holds(bench, given)


def _one_is_first(bench: Bench) -> None:
    store = bench.open()

    def write(number: int) -> int:
        return store.record([entry("one", kind="race", data={"n": number})])

    with ThreadPoolExecutor(THREADS) as pool:
        first = sum(pool.map(write, range(THREADS)))
    require(first == 1, f"{first} threads were told that they recorded an entry first")


def erase(bench: Bench) -> None:
    """What is erased is gone for good, with what names it; the rest reads back as before."""
    store = bench.open()
    save_chain(store, 6)
    store.pin(store.get("c2"), reason="golden", now=NOON)
    store.record([entry("a", checkpoint_id="c2"), entry("b", checkpoint_id="c3"), entry("c")])
    gone = store.erase(AGENT, THREAD, ["c2", "c4", "c6"], now=LATER)
    require(gone == 3, f"3 checkpoints were to be erased and {gone} were")
    for name in ("c2", "c4", "c6"):
        require_refused(
            lambda name=name: bench.open().get(name),  # type: ignore[misc]
            CheckpointNotFound,
            f"{name} was erased and is still found",
        )
    came = bench.open().untrash(["c2", "c4", "c6"])
    require(came == 0, f"{came} checkpoints came back after they were erased")
    _left(bench, "c5", [1, 3, 5], ["b", "c"])
    bench.open().erase(AGENT, THREAD, now=LATER)
    _left(bench, None, [], [])


def _left(bench: Bench, expected: str | None, numbers: Sequence[int], keys: Sequence[str]) -> None:
    store = bench.open()
    head = store.head(AGENT, THREAD)
    found = head.checkpoint_id if head else None
    require(found == expected, f"the head is {found} instead of {expected}")
    require(not store.pins(), "a pin of what was erased is still there")
    for number in numbers:
        bench.require_loads(f"c{number}", state(number))
    left = [one.key for one in store.entries(AGENT, THREAD, kind="effect")]
    require(left == list(keys), f"the entries {left} are left instead of {list(keys)}")
    findings = list(store.verify())
    require(not findings, f"verify after erasing: {findings[0].message if findings else ''}")
