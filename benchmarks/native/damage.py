"""One byte of the file is changed: what is lost, and that nothing loads as something else."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import median
from typing import cast

from benchmarks.measure import Bound, Row
from benchmarks.native.entrants import State
from benchmarks.native.scale import Scale
from benchmarks.native.series import Outcome
from benchmarks.states import append
from checkpoints import CheckpointError, Store, open_store

SQLITE_HEADER = range(100)
"""What SQLite reads first; without it nothing is found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one changed byte did. ``unnamed`` are losses that verify did not name."""

    lost: int
    wrong: int
    unnamed: int
    crashes: int


def rows(outcome: Outcome, scale: Scale) -> Iterator[Row]:
    """Yield the losses over bytes chosen by chance in the file of the growing conversation."""
    ours = outcome.entrants["ours"]
    path, ids = ours.folder / "store.db", [record.id for record in ours.saved]
    size = path.stat().st_size
    anywhere = _losses(path, ids, scale.flips, range(size))
    header = _losses(path, ids, scale.flips // 2, SQLITE_HEADER)
    note = f"{len(anywhere)} bytes of {size / 1e6:.1f} MB, {_middle(anywhere, ids)}"
    yield _most("one bad byte loses at most", anywhere, ids, 13 if scale.whole else None, note)
    note = f"{len(header)} of those 100 bytes, {_middle(header, ids)}, before any repair"
    yield _most("one bad byte of SQLite's file header loses at most", header, ids, None, note)
    losses = [*anywhere, *header]
    counted = f"in {len(losses)} × {len(ids):,} loads"
    yield _none("loads that gave another state", sum(loss.wrong for loss in losses), counted)
    yield _none("losses that verify does not name", sum(loss.unnamed for loss in losses), counted)
    yield _none("errors that are not ours", sum(loss.crashes for loss in losses), counted)


def _most(name: str, losses: list[Loss], ids: list[str], goal: float | None, note: str) -> Row:
    most = max(100 * loss.lost / len(ids) for loss in losses)
    return Row(name=name, value=most, unit="%", goal=goal, note=note)


def _middle(losses: list[Loss], ids: list[str]) -> str:
    return f"median {median(100 * loss.lost / len(ids) for loss in losses):.2f} %"


def _none(name: str, count: int, note: str) -> Row:
    return Row(name=name, value=count, unit="", goal=0, bound=Bound.EXACTLY, note=note)


def _losses(path: Path, ids: list[str], flips: int, places: Sequence[int]) -> list[Loss]:
    """Look at several changed copies, in as many processes as there are cores."""
    random = Random(5)
    chosen = [(random.choice(places), random.randrange(1, 256)) for _ in range(flips)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        running = [pool.submit(loss_of, path, ids, *flip) for flip in chosen]
        return [future.result() for future in running]


def loss_of(path: Path, ids: Sequence[str], position: int, mask: int) -> Loss:
    """Change one byte of a copy and try to load everything."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "store.db"
        shutil.copyfile(path, copy)
        with copy.open("r+b") as file:
            file.seek(position)
            byte = file.read(1)[0]
            file.seek(position)
            file.write(bytes([byte ^ mask]))
        return _examined(f"sqlite:///{copy}", ids)


def _examined(url: str, ids: Sequence[str]) -> Loss:
    store = cast("Store", open_store(url))
    fates = [_fate(store, i, state) for i, state in zip(ids, _expected(len(ids)), strict=True)]
    lost = {i for i, fate in zip(ids, fates, strict=True) if fate in ("lost", "crash")}
    named, crashes = set[str](), fates.count("crash")
    try:
        named = {found.checkpoint_id for found in store.verify() if found.checkpoint_id}
    except CheckpointError:
        named = lost  # the whole file is said to be damaged
    except Exception:  # noqa: BLE001 - whatever else it raises is what is counted here
        crashes += 1
    store.close()
    unnamed = len(lost - named)
    return Loss(lost=len(lost), wrong=fates.count("wrong"), unnamed=unnamed, crashes=crashes)


def _fate(store: Store, checkpoint_id: str, expected: State) -> str:
    try:
        loaded = store.load(store.get(checkpoint_id))
    except CheckpointError:
        return "lost"
    except Exception:  # noqa: BLE001 - whatever else it raises is what is counted here
        return "crash"
    return "whole" if loaded == expected else "wrong"


@cache
def _expected(steps: int) -> list[State]:
    """Return the states that were saved; they share their messages."""
    return list(append(steps))
