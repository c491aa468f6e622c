"""States that are no longer consistent with the ones before: what was filled is empty."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from checkpoints.drift.metrics.counting import counted
from checkpoints.drift.signals import At, Evidence, Signal, SignalKind

MOST_FIELDS: Final = 64
"""Fields of a state that are watched."""
MOST_THREADS: Final = 32
_EMPTIES = ("pending", "queue", "inbox", "mailbox", "todo", "error", "message", "next", "task")
"""Parts of names of what is there to be worked off, or told once."""
_NAME_LENGTH = 128


class EmptiedDetector:
    """Finds fields of a state that held something and hold nothing now.

    A field that is worked off item by item, or was empty again before, is meant to become empty.
    """

    def __init__(self) -> None:
        self._sizes: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._usual: set[str] = set()
        self._index = -1

    def update(
        self, state: Mapping[str, Any], at: At | None = None, *, thread_id: str = "main"
    ) -> list[Signal]:
        """Take the next state of a thread; say which of its fields were emptied."""
        self._index += 1
        before = self._sizes.pop(thread_id, {})
        now = dict(_sizes(state))
        self._sizes[thread_id] = now
        if len(self._sizes) > MOST_THREADS:
            self._sizes.popitem(last=False)
        emptied = [name for name in before if now.get(name) == 0 < before[name]]
        found = [
            self._signal(name, before[name], at) for name in emptied if not self._is_usual(name)
        ]
        self._learn(before, now)
        return found

    def _is_usual(self, name: str) -> bool:
        lower = name.lower()
        return name in self._usual or any(part in lower for part in _EMPTIES)

    def _learn(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        """Note what lost a single item, as what is worked off does, and what was emptied."""
        for name, size in now.items():
            lost = before.get(name, 0) - size
            if (lost == 1 or lost > size == 0) and len(self._usual) < MOST_FIELDS:
                self._usual.add(name)

    def _signal(self, name: str, size: int, at: At | None) -> Signal:
        return Signal(
            kind=SignalKind.INCONSISTENCY,
            metric=name,
            onset=self._index,
            index=self._index,
            score=1.0,
            threshold=1.0,
            onset_at=at,
            at=at,
            evidence=Evidence(
                words=f"{name} was filled and is empty now",
                baseline_median=float(size),
                baseline_n=self._index,
                window=(self._index, self._index),
                observed=0.0,
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types."""
        return {
            "sizes": [[thread, sizes] for thread, sizes in self._sizes.items()],
            "usual": sorted(self._usual),
            "index": self._index,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on where the one of :meth:`to_dict` stood."""
        made = cls()
        made._sizes.update((thread, dict(sizes)) for thread, sizes in values["sizes"])
        made._usual = set(values["usual"])
        made._index = values["index"]
        return made


def _sizes(state: Mapping[Any, Any]) -> Iterator[tuple[str, int]]:
    """Yield how many items each field holds; a text is one item, nothing and "" are none."""
    for name, value in list(state.items())[:MOST_FIELDS]:
        if isinstance(name, str) and len(name) <= _NAME_LENGTH:
            held = len(value[:1]) if isinstance(value, str) else counted(value)
            if held is not None or value is None:
                yield name, held or 0
