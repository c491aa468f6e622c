"""Which checkpoints others cannot be read or gone on from without."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from checkpoints.connectors.langgraph import bodies, deltas
from checkpoints.connectors.langgraph.exact import PrunableRows, required
from checkpoints.connectors.langgraph.rows import ROOT, Key
from checkpoints.connectors.langgraph.skeleton import Skeleton, is_per_call
from checkpoints.errors import CorruptCheckpoint, PlanRefused

Need = tuple[Key, str]


@dataclass
class Needs:
    """What the checkpoints of one thread need. ``subgraphs`` tells whether those count, too.

    Without its subgraphs a checkpoint can be read; with them it can be gone on from as it was.
    """

    rows: PrunableRows
    thread_id: str
    skeleton: Skeleton
    subgraphs: bool = True
    _deltas: dict[str, frozenset[str]] = field(default_factory=dict)
    _known: dict[Key, _Channels] = field(default_factory=dict)
    _walked: set[tuple[Key, str]] = field(default_factory=set)

    def of(self, kept: Iterable[Key]) -> dict[Key, str]:
        """Return what must stay besides those that are kept, and why.

        Raises PlanRefused when that cannot be told.
        """
        present = [key for key in kept if key in self.skeleton.parents]
        known, needed = set(present), dict[Key, str]()
        self._walked.clear()
        self._heads = self.skeleton.heads()
        self._called, self._states = self._subgraph_rows()
        while present:
            for key, reason in self._direct(present.pop()):
                if key not in known:
                    known.add(key)
                    needed[key] = reason
                    present.append(key)
        return needed

    def _direct(self, key: Key) -> Iterator[Need]:
        yield from self._before_it(key)
        yield from self._sends(key)
        if self.subgraphs and key.namespace == ROOT:
            yield from self._subgraphs_of(key)

    def _before_it(self, key: Key) -> Iterator[Need]:
        """Yield the checkpoints back to those that store the values of delta channels."""
        names = self._delta_channels(key.namespace)
        if not names:
            return
        channels = self._channels(key)
        missing = set((names & channels.written) - channels.stored)
        for ancestor in self.skeleton.ancestors(key):
            missing = {name for name in missing if (ancestor, name) not in self._walked}
            if not missing:
                return
            self._walked.update((ancestor, name) for name in missing)
            listed = ", ".join(sorted(missing))
            yield ancestor, f"the delta channel {listed} of {key.checkpoint_id} is built from it"
            missing -= self._channels(ancestor).stored

    def _delta_channels(self, namespace: str) -> frozenset[str]:
        if namespace not in self._deltas:
            found = deltas.channels(self.rows, self.thread_id, namespace)
            self._deltas[namespace] = found
        return self._deltas[namespace]

    def _sends(self, key: Key) -> Iterator[Need]:
        """Yield the parent of a checkpoint of an older format, where its next tasks' input lies."""
        parent = self.skeleton.parents[key]
        if parent not in self.skeleton.parents or self._version(key) >= bodies.SENDS_INSIDE:
            return
        if self._heads[key.namespace] == key or self.rows.has_sends(parent):
            yield parent, f"what was sent to the next steps of {key.checkpoint_id} lies with it"

    def _subgraphs_of(self, key: Key) -> Iterator[Need]:
        for called in self._called.get(key.checkpoint_id, ()):
            yield called, f"a subgraph that ran under {key.checkpoint_id} wrote it"
        for namespace in self._states:
            state = self._state_at(namespace, key)
            if state:
                yield state, f"{namespace} stood at it at {key.checkpoint_id}"

    def _state_at(self, namespace: str, key: Key) -> Key | None:
        """Return what a restore of ``key`` would bring back of a subgraph that keeps its state."""
        names, roots = self._states[namespace]
        for place in range(bisect_right(names, key.checkpoint_id) - 1, -1, -1):
            if self._may_have_led(roots[place], key):
                return Key(self.thread_id, namespace, names[place])
        return None

    def _may_have_led(self, root: str | None, key: Key) -> bool:
        """Say whether a checkpoint is an ancestor of another, as far as that is known."""
        if root is None or Key(self.thread_id, ROOT, root) not in self.skeleton.parents:
            return True
        return any(above.checkpoint_id == root for above in self.skeleton.ancestors(key))

    def _subgraph_rows(
        self,
    ) -> tuple[dict[str, list[Key]], dict[str, tuple[list[str], list[str | None]]]]:
        called: dict[str, list[Key]] = defaultdict(list)
        states: dict[str, tuple[list[str], list[str | None]]] = {}
        if not self.subgraphs:
            return called, states
        for key, metadata in self.rows.of_subgraphs(self.thread_id):
            root = bodies.root_in(_readable(metadata))
            if not is_per_call(key.namespace):
                names, roots = states.setdefault(key.namespace, ([], []))
                names.append(key.checkpoint_id)
                roots.append(root)
            elif root is not None:
                called[root].append(key)
        return called, states

    def _version(self, key: Key) -> int:
        """Return the version of a checkpoint's format, 0 where it cannot be read."""
        version = self.rows.format_version(key)
        if version is not None:
            return version
        try:
            return bodies.decode_body(required(self.rows, key)).version
        except CorruptCheckpoint:
            return 0

    def _channels(self, key: Key) -> _Channels:
        if key not in self._known:
            self._known[key] = self._decoded(key)
        return self._known[key]

    def _decoded(self, key: Key) -> _Channels:
        try:
            body = bodies.decode_body(required(self.rows, key))
        except CorruptCheckpoint as error:
            raise PlanRefused(
                f"it cannot be told what {key.checkpoint_id} needs: {error}; nothing of the "
                "thread may go"
            ) from error
        return _Channels(frozenset(body.versions), frozenset(body.values))


class _Channels(NamedTuple):
    """The channels that were ever written at a checkpoint, and those whose value lies in it."""

    written: frozenset[str]
    stored: frozenset[str]


def _readable(metadata: bytes) -> dict[str, Any]:
    try:
        return bodies.metadata_in(metadata)
    except CorruptCheckpoint:
        return {}
