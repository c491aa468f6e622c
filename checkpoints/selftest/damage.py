"""The check that a byte which changed by itself is noticed.

A store that keeps nothing on this disk may offer ``spoil(url, checkpoint) -> None`` in its module,
which flips one byte in the middle of what it keeps of a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from checkpoints.errors import CheckpointError
from checkpoints.records import Checkpoint
from checkpoints.sameness import same
from checkpoints.selftest.bench import Bench
from checkpoints.selftest.outcomes import NotPossible, require
from checkpoints.selftest.samples import save_chain, state
from checkpoints.stores.urls import parse_url

LENGTH = 12
"""Bytes by which a place in a file is recognised."""
PARTS = 8


def corruption(bench: Bench) -> None:
    """A flipped byte is named by load and verify, and never becomes another state."""
    store = bench.open()
    target = save_chain(store, 3)[1]
    raw = store.raw(target)
    bench.close()
    flips = list(_flips(bench, target, raw))
    if not flips:
        raise NotPossible("no byte that it keeps can be reached from here")
    noticed = [_noticed(bench, target.id, flip) for flip in flips]
    require(any(noticed), "flipped bytes are not noticed: they load as if nothing had happened")


def _noticed(bench: Bench, checkpoint_id: str, flip: Callable[[], None]) -> bool:
    """Flip a byte, say whether loading notices, and flip it back where that can be done."""
    flip()
    try:
        if not _fails_to_load(bench, checkpoint_id):
            return False
        findings = list(bench.open().verify())
        named = any(checkpoint_id in (f.checkpoint_id or f.message) for f in findings)
        require(named, "verify does not name a checkpoint that cannot be loaded")
        return True
    finally:
        bench.close()
        flip()


def _fails_to_load(bench: Bench, checkpoint_id: str) -> bool:
    store = bench.open()
    try:
        loaded = store.load(store.get(checkpoint_id))
    except CheckpointError:
        return True
    require(same(loaded, state(2)), "a flipped byte makes another state, and it is returned")
    return False


def _flips(bench: Bench, target: Checkpoint, raw: bytes) -> Iterator[Callable[[], None]]:
    """Yield ways to flip a byte here and there; called again each flips it back."""
    spoil = getattr(parse_url(bench.url).kind.load(), "spoil", None)
    if spoil is not None:
        yield lambda: spoil(bench.url, target)
    if bench.folder is None:
        return
    for part in range(1, PARTS):
        start = len(raw) * part // PARTS
        places = list(_places(bench.folder, raw[start : start + LENGTH]))
        if places:
            yield lambda places=places: _flip(places)  # type: ignore[misc]


def _places(folder: Path, text: bytes) -> Iterator[tuple[Path, int]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            at = path.read_bytes().find(text)
            if at >= 0:
                yield path, at


def _flip(places: list[tuple[Path, int]]) -> None:
    for path, at in places:
        with path.open("r+b") as file:
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 1]))
