"""A thread under watch: what its manager has looked at, and what it saw."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any, Final

from checkpoints.drift.episodes import Contribution
from checkpoints.drift.metrics import observe
from checkpoints.drift.watching import AgentDetector
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.records import Checkpoint
from checkpoints.stores.base import Store
from checkpoints.stores.heads import ancestors

DRIFT: Final = "drift"
"""Where a checkpoint's metadata say which drift lasted when it was saved."""
WINDOW: Final = 256
"""Checkpoints of a lineage that are looked at when a watch begins."""
STATES: Final = 32
"""Of those, the newest whose states are read."""
EARLIER_THREADS: Final = 4
EARLIER: Final = 128
"""Checkpoints of each earlier thread that tell what is normal."""
MARKS: Final = 16
"""Looks to which a watch can go back when the agent goes back."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """What was known after a look at a checkpoint."""

    checkpoint_id: str
    detector: Mapping[str, Any]
    state: Mapping[str, Any] | None


class Watched:
    """Feeds a detector with the lineage of one thread, and goes back with it.

    What a restore undid does not count: the detector then is the one that it was at the newest
    checkpoint that is left.
    """

    def __init__(self, store: Store, agent_id: str, thread_id: str, like: AgentDetector) -> None:
        self._store = store
        self._thread = agent_id, thread_id
        self._like = like
        self.detector = like.fresh()
        self._seen: Checkpoint | None = None
        self._state: Mapping[str, Any] | None = None
        self._marks: deque[_Mark] = deque(maxlen=MARKS)
        self._order: deque[str] = deque(maxlen=2 * WINDOW)
        self._went_back = False
        self.news: tuple[Contribution, ...] = ()

    @property
    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that was looked at."""
        return self._seen

    @property
    def order(self) -> list[str]:
        """The checkpoints that were looked at, oldest first, as far as they are remembered."""
        return list(self._order)

    def look(self, lineage: Sequence[Checkpoint], *, restored: Container[str] = ()) -> None:
        """Take what is new in a lineage, oldest first.

        ``restored`` are those that were saved after a restore: how long they took is not known.
        Afterwards ``news`` is what was found in it. Drift that a checkpoint was marked with when
        it was saved was told by an earlier run, and is no news.
        """
        new = self._new_in(lineage)
        pairs = pairwise(lineage)
        parents = {after.id: before for before, after in pairs if after.id not in restored}
        for number, record in enumerate(new):
            self._take(record, parents.get(record.id), read=len(new) - number <= STATES)
        if new:
            self._marks.append(_Mark(new[-1].id, self.detector.to_dict(), self._state))
            self.news = self._found_in(new)

    def follow(self, saved: Sequence[Checkpoint]) -> bool:
        """Take what was saved since the last look; False where that is not what came next."""
        if not saved or self._seen is None or saved[0].parent_id != self._seen.id:
            return False
        if any(after.parent_id != before.id for before, after in pairwise(saved)):
            return False
        restored = {saved[0].id} if self._went_back else set()
        self._went_back = False
        self.look([self._seen, *saved], restored=restored)
        return True

    def settle(self) -> None:
        """Take what was found as normal, and end the episode."""
        episode = self.detector.episode
        for one in episode.contributions if episode else ():
            self.detector.learn_normal(one.signal.metric, one.step_name)
        self.detector.close()
        self.news = ()
        if self._seen is not None:
            self._marks.append(_Mark(self._seen.id, self.detector.to_dict(), self._state))

    def _found_in(self, new: Sequence[Checkpoint]) -> tuple[Contribution, ...]:
        episode = self.detector.episode
        told = max((n for n, record in enumerate(new) if DRIFT in record.metadata), default=-1)
        found_in = {record.id for record in new[told + 1 :]}
        contributions = episode.contributions if episode else ()
        return tuple(one for one in contributions if one.found_checkpoint in found_in)

    def _new_in(self, lineage: Sequence[Checkpoint]) -> Sequence[Checkpoint]:
        """Return what comes after the newest look that still counts."""
        at = {record.id: number for number, record in enumerate(lineage)}
        if self._seen is not None and self._seen.id in at:
            return lineage[at[self._seen.id] + 1 :]
        while self._marks and self._marks[-1].checkpoint_id not in at:
            self._marks.pop()
        if not self._marks:
            self._begin(lineage)
            return lineage[-WINDOW:]
        return self._gone_back_to(self._marks[-1], lineage, at[self._marks[-1].checkpoint_id])

    def _gone_back_to(
        self, mark: _Mark, lineage: Sequence[Checkpoint], place: int
    ) -> Sequence[Checkpoint]:
        """Know what was known at a mark; return what of the lineage comes after it."""
        self.detector, self._went_back = AgentDetector.from_dict(mark.detector), True
        self._seen, self._state, self.news = lineage[place], mark.state, ()
        while self._order and self._order[-1] != mark.checkpoint_id:
            self._order.pop()
        return lineage[place + 1 :]

    def _begin(self, lineage: Sequence[Checkpoint]) -> None:
        """Begin anew, with what earlier threads of the agent tell to be normal."""
        self.detector, self._seen, self._state = self._like.fresh(), None, None
        self._order.clear()
        self.news = ()
        first = lineage[0].created_at if lineage else None
        for record, before in self._earlier():
            if first is None or record.created_at < first:
                self.detector.learn(observe(record, before=before))

    def _earlier(self) -> list[tuple[Checkpoint, Checkpoint | None]]:
        """Return sound checkpoints of other threads and their parents, oldest first."""
        agent_id, thread_id = self._thread
        others = (t for t in self._store.threads() if t.agent_id == agent_id)
        lineages = [
            self._lineage(thread.thread_id, thread.head_id)
            for thread in islice((t for t in others if t.thread_id != thread_id), EARLIER_THREADS)
        ]
        pairs = [pair for found in lineages for pair in zip(found, [None, *found], strict=False)]
        sound = [pair for pair in pairs if _is_sound(pair[0])]
        return sorted(sound, key=lambda pair: pair[0].created_at)

    def _lineage(self, thread_id: str, head_id: str | None) -> list[Checkpoint]:
        try:
            found = self._store.history(self._thread[0], thread_id, limit=EARLIER)
        except CheckpointNotFound:
            return []
        return list(ancestors({record.id: record for record in found}, head_id))[::-1]

    def _take(self, record: Checkpoint, before: Checkpoint | None, *, read: bool) -> None:
        state, damage = self._loaded(record) if read else (None, record.damage)
        told = observe(record, before=before, state=state, state_before=self._state)
        self.detector.update(replace(told, damage=damage))
        self._seen, self._state = record, state
        self._order.append(record.id)

    def _loaded(self, record: Checkpoint) -> tuple[Mapping[str, Any] | None, str | None]:
        """Return a state, or why it cannot be read; neither where it was let go meanwhile."""
        try:
            return self._store.load(record), None
        except CorruptCheckpoint as error:
            return None, str(error)
        except CheckpointNotFound:
            return None, None


def _is_sound(record: Checkpoint) -> bool:
    return record.damage is None and DRIFT not in record.metadata
