"""What it costs that nobody without the key can read."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.measure import Row
from benchmarks.native import contest
from benchmarks.native.entrants import Ours, State
from benchmarks.native.scale import Scale
from benchmarks.states import large, small
from checkpoints.stores.urls import open_store

ARGUMENTS = ("keys", "keyring")
"""What ``open_store`` may call the keys that it takes."""


class Plain(Ours):
    """The default store without a key."""

    name = "plain"


class Encrypted(Ours):
    """The default store with one."""

    name = "encrypted"


def rows(scale: Scale) -> Iterator[Row]:
    """Yield saves and loads with a key over those without."""
    options = _keys()
    if not options:
        yield Row(name="encrypted ÷ plain", value=None, unit="×", goal=1.15, note="not offered")
        return
    yield from _beside("720 KB", large(scale.large), scale, options)
    yield from _beside("4 KB", small(scale.small), scale, options)


def _keys() -> dict[str, Any]:
    """Return the argument that makes a store encrypt, empty while there is none."""
    taken = inspect.signature(open_store).parameters
    name = next((name for name in ARGUMENTS if name in taken), None)
    if name is None:
        return {}
    from checkpoints.bodies.encryption import Keyring

    return {name: Keyring([("bench", os.urandom(32))])}


def _beside(
    what: str, states: Iterable[State], scale: Scale, options: dict[str, Any]
) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        pair = [Plain(Path(folder) / "plain"), Encrypted(Path(folder) / "sealed", **options)]
        saved = contest.saves(states, pair)
        numbers = Random(7).sample(range(len(pair[0].saved)), min(scale.loads, scale.large))
        loaded = contest.loads(numbers, pair)
        for entrant in pair:
            entrant.close()
    for word, times in (("save", saved), ("load", loaded)):
        with_key, without = times.median("encrypted"), times.median("plain")
        note = f"medians {with_key:.2f} and {without:.2f} ms"
        name = f"encrypted ÷ plain, {word} of {what}"
        yield Row(name=name, value=with_key / without, unit="×", goal=1.15, note=note)
