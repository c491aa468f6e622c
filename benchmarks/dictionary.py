"""``python -m benchmarks.dictionary OUT``: train the dictionary that small frames are packed with.

It learns how agents and frameworks shape what they keep, and the words that every text is full
of. Nothing that the benchmarks measure is among its samples: other words, other seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import ormsgpack
import zstandard

from benchmarks.agents import frameworks, messages, outputs
from benchmarks.agents.vocabulary import real
from benchmarks.agents.writer import Writer

SIZE = 16 * 1024
ROUNDS = 700
_SEED = 4_321


def main() -> None:
    """Write the dictionary to the file that is named."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m benchmarks.dictionary OUT")
    data = trained()
    Path(sys.argv[1]).write_bytes(data)
    print(f"{len(data):,} bytes from {len(list(samples())):,} samples")


def trained() -> bytes:
    """Return the dictionary; the same for the same version of zstd."""
    encoded: list[bytes | bytearray | memoryview] = [
        ormsgpack.packb(sample) for sample in samples()
    ]
    return zstandard.train_dictionary(SIZE, encoded, level=3).as_bytes()


def samples() -> Iterator[Any]:
    """Yield small states, messages, tool outputs and entries of memory, many of each sort."""
    random = Random(_SEED)
    writer = Writer(random, real())
    for _ in range(ROUNDS):
        for make in frameworks.STATES:
            yield make(writer, random.randint(500, 8_000))
        for message in (*messages.ALL, *frameworks.ENTRIES):
            yield message(writer, random.randint(300, 1_500))
        for output in outputs.OUTPUTS:
            yield output(writer, random.randint(200, 1_200))


if __name__ == "__main__":
    main()
