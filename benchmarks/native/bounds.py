"""What stands between us and the goals that are not reached, measured apart."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import ormsgpack
import zstandard

from benchmarks import states
from benchmarks.measure import Row, median_ms
from benchmarks.native import peers
from benchmarks.native.contest import saves
from benchmarks.native.entrants import Entrant, Ours
from benchmarks.native.scale import Scale

MEMORY = Path("/dev/shm")
RUNS = 30


def rows(scale: Scale) -> Iterator[Row]:
    """Yield what a load must do whoever does it, and what a save costs where the disk does not."""
    *_, state = states.large(2)
    packed = ormsgpack.packb(state)
    small = zstandard.ZstdCompressor(level=3).compress(packed)
    unpack = zstandard.ZstdDecompressor().decompress
    yield Row(
        name="of a load of 720 KB: decoding MessagePack",
        value=median_ms(lambda: ormsgpack.unpackb(packed), RUNS),
        unit="ms",
        note="SqliteSaver does it too",
    )
    yield Row(
        name="of a load of 720 KB: unpacking zstd",
        value=median_ms(lambda: unpack(small), RUNS),
        unit="ms",
        note=f"{len(packed) / 1e6:.2f} from {len(small) / 1e6:.2f} MB; SqliteSaver keeps it plain",
    )
    if MEMORY.is_dir():
        yield from _beside_the_disk(scale)


def _beside_the_disk(scale: Scale) -> Iterator[Row]:
    """Save into memory, where flushing costs nothing."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        kinds: list[type[Entrant]] = [Ours]
        kinds += [kind for kind in peers.installed() if kind.name == "SqliteSaver"]
        entrants: list[Entrant] = [kind(Path(folder) / kind.name) for kind in kinds]
        times = saves(states.small(scale.small // 2), entrants)
        for entrant in entrants:
            entrant.close()
            yield Row(
                name=f"of a save of 4 KB: work beside the disk, {entrant.name}",
                value=times.median(entrant.name),
                unit="ms",
                note="on a disk in memory",
            )
