"""What LangGraph's channels take up, counted by the nodes that wrote them."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from checkpoints.measures import FieldSize

Nodes = Mapping[str, tuple[str, ...]]
"""By channel, the nodes that wrote to it in one step."""

_REMEMBERED: Final = 100_000
_LONGEST_VERSION: Final = 200


class Part(NamedTuple):
    """A channel and what wrote it."""

    field: str
    written_by: str | None


@dataclass(slots=True)
class Tally:
    """Adds up what the parts of many checkpoints take."""

    _sizes: Counter[Part] = field(default_factory=Counter)
    _stored: Counter[Part] = field(default_factory=Counter)
    _checkpoints: Counter[Part] = field(default_factory=Counter)

    def add(self, parts: Iterable[tuple[Part, int, int]]) -> None:
        """Add one checkpoint: its parts with their sizes and what of those is stored for it."""
        met = set()
        for part, size, stored in parts:
            self._sizes[part] += size
            self._stored[part] += stored
            met.add(part)
        self._checkpoints.update(met)

    def sizes(self) -> list[FieldSize]:
        """Return what was added, largest first."""
        found = [
            FieldSize(
                field=part.field,
                written_by=part.written_by,
                checkpoints=self._checkpoints[part],
                size=size,
                stored_size=self._stored[part],
            )
            for part, size in self._sizes.items()
        ]
        return sorted(found, key=lambda f: (-f.size, f.field, f.written_by or ""))


@dataclass(slots=True)
class Authors:
    """Remembers which nodes wrote each version of a channel, of the newest versions only.

    A value stays in checkpoint after checkpoint under the version that it was written with.
    """

    _known: OrderedDict[tuple[str, str, str], str | None] = field(default_factory=OrderedDict)

    def of(self, namespace: str, channel: str, version: Any, step: Nodes) -> str | None:
        """Return who wrote a version; ``step`` is what was written just before the checkpoint."""
        text = str(version) if isinstance(version, (str, int, float)) else ""
        if not text or len(text) > _LONGEST_VERSION:
            return None
        key = (namespace, channel, text)
        if key not in self._known:
            self._known[key] = named(step.get(channel, ()))
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return self._known[key]


def named(nodes: Iterable[str]) -> str | None:
    """Return several nodes as one text, each named once."""
    return ", ".join(sorted(set(nodes))) or None
