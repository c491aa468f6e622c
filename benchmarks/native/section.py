"""The goals of the native store, row by row."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import states
from benchmarks.measure import Row
from benchmarks.native import (
    bounds,
    concurrency,
    damage,
    durability,
    encryption,
    listing,
    loading,
    resuming,
    saving,
    series,
    sizes,
)
from benchmarks.native.scale import Scale


def rows(scale: Scale) -> Iterator[Row]:
    """Measure everything; the series are shared by the rows about saving, size and loading."""
    yield from durability.rows(scale)
    with tempfile.TemporaryDirectory() as folder:
        yield from _of_series(Path(folder), scale)
    yield from concurrency.rows(scale)
    yield from listing.rows(scale)
    yield from encryption.rows(scale)
    yield from bounds.rows(scale)


def _of_series(folder: Path, scale: Scale) -> Iterator[Row]:
    small = series.run(states.small(scale.small), folder / "small")
    large = series.run(states.large(scale.large), folder / "large")
    append = series.run(states.append(scale.append), folder / "append")
    yield from saving.rows(append, small, large)
    mixed = series.run(states.mixed(scale.mixed), folder / "mixed")
    yield from sizes.rows(append, small, mixed, scale)
    yield from loading.rows(append, small, large, scale)
    yield from resuming.rows(append, scale)
    yield from damage.rows(append, scale)
