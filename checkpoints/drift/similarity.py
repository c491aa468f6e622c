"""How much two texts speak of the same thing, by their words, in any language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from checkpoints.drift.inert import elements_of, items_of, kind_of

LONGEST: Final = 20_000
"""Characters that are looked at."""
_WORD: Final = re.compile(r"[^\W_]+")
_STEM: Final = 5
"""Letters of a word that count: endings differ."""
_SHORTEST: Final = 3
"""Shorter words join sentences in most languages and say nothing of their subject."""
_WITHOUT_SPACES: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
_MOST_VALUES: Final = 500


def similarity(goal: Any, plan: Any) -> float:
    """Return from 0 to 1 how much of the shorter one's words the other has.

    Long words count for more. Scripts without spaces between words are compared by pairs of
    characters. Lists and mappings are read as the texts in them. 0 where one says nothing.
    """
    wanted, planned = _features(goal), _features(plan)
    least = min(sum(wanted.values()), sum(planned.values()))
    shared = sum(weight for word, weight in wanted.items() if word in planned)
    return min(1.0, shared / least) if least else 0.0


def says_something(value: Any) -> bool:
    """Whether there is a word in it to compare."""
    return bool(_features(value))


def _features(value: Any) -> dict[str, float]:
    text = unicodedata.normalize("NFKC", _text(value)[:LONGEST]).casefold()
    found: dict[str, float] = {}
    for word in _WORD.findall(text):
        for part in _parts(word):
            found[part] = float(min(len(part), _STEM) - 1)
    return found


def _parts(word: str) -> Iterator[str]:
    rest = word
    for run in _WITHOUT_SPACES.findall(word):
        rest = rest.replace(run, "")
        yield from (run[place : place + 2] for place in range(max(1, len(run) - 1)) if run[1:])
    if len(rest) >= _SHORTEST:
        yield rest[:_STEM]


def _text(value: Any) -> str:
    """Return the texts within a value, in their order and without running anything of theirs."""
    waiting, texts = [value], []
    for _ in range(_MOST_VALUES):
        if not waiting:
            break
        one = waiting.pop()
        kind = kind_of(one)
        if type(one) is str:
            texts.append(one[:LONGEST])
        elif kind == "mapping":
            waiting += [below for _, below in reversed(items_of(one, _MOST_VALUES))]
        elif kind == "list":
            waiting += reversed(elements_of(one, _MOST_VALUES))
    return " ".join(texts)
