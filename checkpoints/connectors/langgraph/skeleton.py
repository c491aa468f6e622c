"""Which checkpoints a thread has and which follows which, without what they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from checkpoints.connectors.langgraph.exact import PrunableRows
from checkpoints.connectors.langgraph.rows import ROOT, Key


def is_per_call(namespace: str) -> bool:
    """Say whether a subgraph begins anew at each call: its name then holds the task's id."""
    return ":" in namespace


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A thread's checkpoints, oldest first in each namespace.

    ``parents`` holds also parents that are not there; ``children`` holds those that are.
    """

    parents: dict[Key, Key | None] = field(default_factory=dict)
    children: dict[Key, list[Key]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, rows: PrunableRows, thread_id: str) -> Self:
        """Read a thread's links."""
        skeleton = cls()
        for key, parent in rows.links(thread_id):
            above = Key(thread_id, key.namespace, parent) if parent else None
            skeleton.parents[key] = above
            if above:
                skeleton.children[above].append(key)
        return skeleton

    def heads(self) -> dict[str, Key]:
        """Return the newest checkpoint of each namespace."""
        return {key.namespace: key for key in self.parents}

    def branch_points(self) -> Iterator[Key]:
        """Yield the checkpoints that more than one follows, but for subgraphs begun anew."""
        lasting = (key for key in self.parents if not is_per_call(key.namespace))
        return (key for key in lasting if len(self.children.get(key, ())) > 1)

    def ancestors(self, key: Key) -> Iterator[Key]:
        """Yield the ancestors of a checkpoint that are there, nearest first, each once."""
        seen = {key}
        current = self.parents.get(key)
        while current in self.parents and current not in seen:
            seen.add(current)
            yield current
            current = self.parents[current]

    def exempt(self) -> dict[Key, str]:
        """Return which checkpoints stay in any case, and why.

        A subgraph that begins anew at each call has no head of its own.
        """
        branches = dict.fromkeys(self.branch_points(), "a branch begins at it")
        lasting = {name: key for name, key in self.heads().items() if not is_per_call(name)}
        return branches | {key: _head(name) for name, key in lasting.items()}


def _head(namespace: str) -> str:
    return "the head of the thread" if namespace == ROOT else f"the head of {namespace}"
