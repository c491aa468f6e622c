"""A store with very many checkpoints: its newest ones, reading everything, building anew."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from benchmarks.measure import Bound, Row, p99, seconds
from benchmarks.native.entrants import Ours
from benchmarks.native.scale import Scale
from benchmarks.native.writers import Save, chain
from checkpoints import Store

ASKED = 300


def rows(scale: Scale) -> Iterator[Row]:
    """Fill a store, then list, verify and rebuild it."""
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(Path(folder) / "many")
        saved, took = _fill(ours.store, scale)
        how = f"{saved:,} of {{'n': …}} by put from {scale.writers} threads in {took:.0f} s"
        yield _listing(ours.store, saved, scale, how)
        yield _verify(ours.store, saved)
        yield _rebuild(ours, saved)
        ours.close()


def _fill(store: Store, scale: Scale) -> tuple[int, float]:
    """Save until there are enough or the time is up; return how many and the seconds."""
    end = time.monotonic() + scale.fill_seconds
    each = -(-scale.listed // scale.writers)

    def work(save: Save) -> int:
        return next(n for n in count() if n >= each or time.monotonic() > end or save({"n": n}))

    savers = [chain(store, f"t{n}") for n in range(scale.writers)]
    start = time.monotonic()
    with ThreadPoolExecutor(scale.writers) as pool:
        saved = sum(pool.map(work, savers))
    return saved, time.monotonic() - start


def _listing(store: Store, saved: int, scale: Scale, how: str) -> Row:
    names = [f"t{n % scale.writers}" for n in range(ASKED)]
    taken = [seconds(partial(store.history, "bench", name, limit=20)) * 1000 for name in names]
    note = f"p99 {p99(taken):.2f} ms; {how}"
    name = f"20 newest of a thread among {_words(saved)} checkpoints"
    return Row(name=name, value=median(taken), unit="ms", goal=1, note=note)


def _verify(store: Store, saved: int) -> Row:
    found: list[object] = []
    took = seconds(lambda: found.extend(store.verify()))
    if found:
        raise RuntimeError(f"verify found {len(found)} things wrong in a sound store: {found[0]}")
    note = f"{saved:,} records of one field in {took:.1f} s"
    return _rate("verify", saved / took, 150_000, note)


def _rebuild(ours: Ours, saved: int) -> Row:
    rebuild = getattr(ours.store, "rebuild", None)
    if rebuild is None:
        return _rate("rebuild", None, 500_000, "not offered")
    _lose_threads(ours.folder / "store.db")
    listed: list[int] = []
    took = seconds(lambda: listed.append(rebuild(now=datetime.now(UTC))))
    heads = [ours.store.head("bench", f"t{n}") for n in range(3)]
    if listed != [saved] or None in heads:
        raise RuntimeError(f"rebuild listed {listed[0]:,} of {saved:,} checkpoints, heads {heads}")
    note = f"{saved:,} records in {took:.1f} s, after every thread's row was lost"
    return _rate("rebuild", saved / took, 500_000, note)


def _lose_threads(path: Path) -> None:
    """Remove what rebuild is there to make anew."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM threads")
        db.commit()


def _rate(name: str, value: float | None, goal: float, note: str) -> Row:
    at_least = Bound.AT_LEAST
    return Row(name=name, value=value, unit="records/s", goal=goal, bound=at_least, note=note)


def _words(number: int) -> str:
    return "1 M" if number >= 1_000_000 else f"{number:,}"
