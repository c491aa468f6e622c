"""A sketch out of any value, within bounds and without running anything of the value's."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final
from zlib import crc32

from checkpoints.drift.inert import elements_of, items_of, kind_of, number_text
from checkpoints.drift.sketches.comparing import BUCKETS, Sketch
from checkpoints.drift.sketches.wording import (
    is_moment,
    passing,
    tells_of_error,
    without_ids,
    without_moments,
    without_numbers,
)

MOST_LEAVES: Final = 2_000
"""Values within one value that are looked at."""
MOST_CHARACTERS: Final = 20_000
"""Characters of one text that are looked at: half from its start, half from its end."""
_DEPTH: Final = 12
_NO_KEY: Final = ""
Leaf = tuple[str, str]


def sketch(value: Any) -> Sketch:
    """Return the sketch of a value. It takes bounded time, whatever the value is."""
    leaves = list(_leaves(_opened(value)))
    total = math.fsum(_numbers(leaves))
    error = any(tells_of_error(key, text) for key, text in leaves)
    exact = [(key, without_moments(text)) for key, text in leaves]
    loose = [(key, without_ids(text)) for key, text in exact]
    if error:
        loose = [(key, without_numbers(text)) for key, text in loose]
    words = [f"{key}={word}" for key, text in exact for word in text.split() or [""]]
    return Sketch(len(words), error, total, _digest(exact), _digest(loose), _buckets(words))


def _opened(value: Any) -> Any:
    """Return what a text of JSON says: some frameworks hand arguments over as one."""
    if type(value) is str and value[:1] in ("{", "[") and len(value) <= MOST_CHARACTERS:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _leaves(value: Any) -> Iterator[Leaf]:
    """Yield what lies within a value, each with the name of where it lies."""
    waiting = [(_NO_KEY, value, 0)]
    for _ in range(MOST_LEAVES):
        if not waiting:
            return
        key, found, depth = waiting.pop()
        kind = kind_of(found)
        if kind in {"mapping", "list"} and depth < _DEPTH:
            waiting += _within(key, found, kind, depth + 1)
        elif not is_moment(key, found):
            yield key, _text(found, kind)
    yield "…", ""


def _within(key: str, value: Any, kind: str, depth: int) -> list[tuple[str, Any, int]]:
    if kind == "list":
        elements = [(key, one, depth) for one in elements_of(value, MOST_LEAVES)]
        ordered = not issubclass(type(value), (set, frozenset))
        return elements if ordered else sorted(elements, key=_order)
    items = [(name, one, depth) for name, one in items_of(value, MOST_LEAVES) if not passing(name)]
    return sorted(items, key=lambda item: item[0])


def _order(element: tuple[str, Any, int]) -> str:
    return _text(element[1], kind_of(element[1]))


def _text(value: Any, kind: str) -> str:
    if kind == "number":
        return number_text(value)
    if type(value) is bytes or type(value) is bytearray:
        value = bytes(value[:MOST_CHARACTERS]).decode("latin-1") + f" {len(value)}"
    if type(value) is str:
        return _bounded(value)
    return str(value) if type(value) is bool else kind


def _bounded(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]} {len(text)} {text[-half:]}"


def _numbers(leaves: list[Leaf]) -> Iterator[float]:
    for _, text in leaves:
        for word in text.split()[:200]:
            if word[:1].isdigit() or word[:1] == "-":
                yield _finite(word.rstrip("%,.;s"))


def _finite(word: str) -> float:
    try:
        number = float(word) if len(word) <= 24 else 0.0
    except ValueError:
        return 0.0
    return number if abs(number) < 1e15 else 0.0


def _digest(leaves: list[Leaf]) -> str:
    text = "\0".join(f"{key}\1{value}" for key, value in leaves)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _buckets(words: list[str]) -> str:
    sums = [0] * BUCKETS
    for word in words:
        number = crc32(word.encode("utf-8", "surrogatepass"))
        sums[number % BUCKETS] += number >> 8
    return "".join(f"{one % 256:02x}" for one in sums)
