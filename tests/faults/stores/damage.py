"""Damages a small store byte by byte and says what then reads as something else."""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from checkpoints import Checkpoint, CheckpointError, Finding, Store
from tests.faults.stores.conftest import url_in
from tests.faults.stores.states import AGENT, draft_of, opened, save_several, state_of

THREAD = "main"
SAVES = (1, 2, 3, 4)
SEED = 20260301
IGNORED = {".lock"}
WORK_SECONDS = 5.0
"""Processor time that reading a few checkpoints may take, with many given up along the way."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A small store as it was saved: its files, records and states."""

    kind: str
    files: dict[Path, bytes]
    records: dict[str, Checkpoint]
    states: dict[str, dict[str, Any]]


def small_store(folder: Path, kind: str, *, closed: bool = True) -> Whole:
    """Save a few checkpoints; ``closed=False`` takes the files as they are before closing."""
    store = opened(url_in(folder, kind))
    ids = save_several(store, THREAD, SAVES)
    records = {name: store.get(name) for name in ids}
    if closed:
        store.close()
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    kept = (path for path in paths if path.name not in IGNORED and path.suffix != ".db-shm")
    files = {path.relative_to(folder): path.read_bytes() for path in kept}
    store.close()
    states = {name: state_of(THREAD, record.step) for name, record in records.items()}
    return Whole(kind, files, records, states)


def lay_out(whole: Whole, folder: Path) -> None:
    """Write a store's files into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in whole.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def flips(data: bytes, most: int) -> Iterator[tuple[int, bytes]]:
    """Yield places and the file with that byte altered, at most so many; written ones first."""
    random = Random(SEED)
    written = [place for place, byte in enumerate(data) if byte]
    empty = [place for place, byte in enumerate(data) if not byte]
    chosen = _sample(random, written, most - most // 8) + _sample(random, empty, most // 8)
    for place in chosen:
        altered = bytearray(data)
        altered[place] ^= random.choice((1 << random.randrange(8), random.randrange(1, 256)))
        yield place, bytes(altered)


def truncations(data: bytes, most: int) -> Iterator[tuple[int, bytes]]:
    """Yield lengths and the file cut to it, every one or so many of them."""
    for length in _sample(Random(SEED), range(1, len(data)), most):
        yield length, data[:length]


def _sample(random: Random, places: Sequence[int], most: int) -> list[int]:
    return list(places) if len(places) <= most else sorted(random.sample(places, most))


class Endless(BaseException):
    """Reading led in circles."""


@contextlib.contextmanager
def limited_work(seconds: float) -> Iterator[None]:
    """Raise Endless after so much processor time, however busy the machine is."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise Endless

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def wrongs(whole: Whole, folder: Path, *, named: bool = True) -> list[str]:
    """Read a damaged store; say what is believed and is not what was saved, or has no end.

    ``named``: whatever cannot be read any more must be found by verify.
    """
    try:
        with limited_work(WORK_SECONDS):
            return _wrongs(whole, folder, named=named)
    except Endless:
        return ["reading it does not end"]


def _wrongs(whole: Whole, folder: Path, *, named: bool) -> list[str]:
    try:
        with contextlib.closing(opened(url_in(folder, whole.kind))) as store:
            wrong, lost = _wrong_and_lost(store, whole)
            return wrong + (_unnamed(store, lost) if named and lost else [])
    except CheckpointError:
        return []


def _wrong_and_lost(store: Store, whole: Whole) -> tuple[list[str], list[str]]:
    wrong, lost = [], []
    for name, state in whole.states.items():
        try:
            record = store.get(name)
            loaded = store.load(record)
        except CheckpointError:
            lost.append(name)
            continue
        if loaded != state:
            wrong.append(f"{name} loads as something else")
        if record != whole.records[name]:
            wrong.append(f"the record of {name} reads as something else")
    return wrong + _wrong_head(store, whole, lost), lost


def _wrong_head(store: Store, whole: Whole, lost: list[str]) -> list[str]:
    try:
        head = store.head(AGENT, THREAD)
    except CheckpointError:
        return []
    last = list(whole.states)[-1]
    if head is None or head.checkpoint_id != last:
        lost.append("the head")
    return []


def _unnamed(store: Store, lost: list[str]) -> list[str]:
    findings: list[Finding] = list(store.verify())
    return [] if findings else [f"{', '.join(lost)} cannot be read and verify finds nothing"]


def saves_on(whole: Whole, folder: Path) -> None:
    """Save into a damaged store; only errors of ours may come of it."""
    last = list(whole.states)[-1]
    given = draft_of(THREAD, 5, parent=last)
    with (
        contextlib.suppress(CheckpointError),
        contextlib.closing(opened(url_in(folder, whole.kind))) as store,
    ):
        store.put(given, state_of(THREAD, 5), expected_head=last)


def still_as_saved(whole: Whole, folder: Path) -> list[str]:
    """Read all again after a save; what can be read must be what was saved."""
    return wrongs(whole, folder, named=False)
