"""Looking for drift in what one thread saved last."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from checkpoints.drift.reports import DriftReport
from checkpoints.drift.signals import SignalKind
from checkpoints.hooks import HookEvent
from checkpoints.manager.state import StateHolder
from checkpoints.manager.writing import ThreadWriter
from checkpoints.records import Checkpoint, Status
from checkpoints.stores.heads import ancestors

if TYPE_CHECKING:
    from checkpoints.drift.episodes import Contribution, Episode
    from checkpoints.drift.ladders import Rung
    from checkpoints.drift.watching import AgentDetector
    from checkpoints.manager.watched import Watched

MOST_UNSEEN: Final = 256
"""Saves that are remembered until the next look; after more of them it reads the store's list."""
UNSURE: Final = 3
"""How far before its estimated onset a series is not trusted, in checkpoints."""
_ESTIMATED = frozenset({SignalKind.METRIC, SignalKind.ERROR_RATE, SignalKind.DIVERGENCE})


class DriftWatch(StateHolder, ThreadWriter):
    """Looks for drift when it is asked to."""

    def _watch_with(self, detector: AgentDetector | None) -> None:
        """Use a detector as a pattern: as sensitive, in what it knows its own."""
        self._pattern = detector
        self._watched: Watched | None = None
        self._unseen: deque[Checkpoint] = deque(maxlen=MOST_UNSEEN)

    def detect_drift(self) -> DriftReport:
        """Say what drift is new in the checkpoints since the last look; false when there is none.

        Watched are metrics of records and states, failures, loops, gaps, the form of states, what
        was emptied and what cannot be read; earlier threads of the agent tell what is normal.
        What a restore undid does not count. Until another checkpoint is saved a further look says
        the same; drift that goes on is not said again, but marked in what is saved.

        Override it and join what you find with ``super().detect_drift()``, by ``or`` or by ``|``.
        """
        watched = self._looked()
        episode = watched.detector.episode
        self._drift = _report(episode, episode.contributions if episode else ())
        self._drifted |= self._not_trusted(watched)
        news = _report(episode, watched.news)
        if news:
            step = self._stands.now.step
            self._teller.call(HookEvent.ON_DRIFT, step=step, drift=news, checkpoint=watched.newest)
        return news

    def not_drift(self) -> None:
        """Take what was found last as normal: it ends, and is not found again by this manager."""
        watched = self._looked()
        self._drifted -= self._not_trusted(watched)
        watched.settle()
        self._drift = DriftReport()

    def ways_back(self, *, tried: Collection[str] = ()) -> list[Rung]:
        """Return the checkpoints to go back to from the drift that lasts, best first.

        They lie 3, 8 and 20 before the estimated onset, and at the start. What is damaged, failed,
        was saved during drift, or was ``tried`` is left out. Empty where nothing drifts.
        """
        from checkpoints.drift.ladders import Candidate, ladder

        watched = self._looked()
        episode = watched.detector.episode
        places = {checkpoint_id: place for place, checkpoint_id in enumerate(watched.order)}
        if episode is None:
            return []
        candidates = [
            Candidate(
                index=places[record.id],
                checkpoint_id=record.id,
                is_damaged=record.damage is not None,
                in_open_incident=record.status is Status.FAILED or "drift" in record.metadata,
                was_tried=record.id in tried,
            )
            for record in self._lineage()
            if record.id in places
        ]
        onset = min(places.get(one.onset_checkpoint or "", 0) for one in episode.contributions)
        return ladder(candidates, onset=onset)

    def _looked(self) -> Watched:
        """Look at what was saved since the last look."""
        watched = self._watched or self._begun()
        with self._acting():
            self.flush()
            saved = list(self._unseen)
            self._unseen.clear()
        head = self._stored_head()
        is_next = bool(saved) and head is not None and saved[-1].id == head.checkpoint_id
        if not (is_next and watched.follow(saved)):
            self._look_through(watched)
        return watched

    def _look_through(self, watched: Watched) -> None:
        """Look at the lineage as the store lists it."""
        history = self.history()[::-1]
        first = {record.parent_id: record.id for record in reversed(history)}
        restored = {one.id for one in history if one.parent_id and first[one.parent_id] != one.id}
        by_id = {record.id: record for record in history}
        head = self._stored_head()
        lineage = list(ancestors(by_id, head.checkpoint_id if head else None))[::-1]
        watched.look(lineage, restored=restored)

    def _begun(self) -> Watched:
        from checkpoints.drift.watching import AgentDetector
        from checkpoints.manager.watched import Watched

        pattern = self._pattern or AgentDetector()
        self._watched = Watched(self._store, self.agent_id, self.thread_id, pattern)
        return self._watched

    def _not_trusted(self, watched: Watched) -> set[str]:
        """Return the checkpoints from the onset on, and those that may lie behind it."""
        episode, order = watched.detector.episode, watched.order
        found: set[str] = set()
        for one in episode.contributions if episode else ():
            if one.onset_checkpoint in order:
                place = order.index(one.onset_checkpoint)
                unsure = UNSURE - 1 if one.signal.kind in _ESTIMATED else 0
                found.update(order[max(place - unsure, min(place, 1)) :])
        return found

    def _landed(self, saved: Checkpoint, *, soon: bool = True) -> None:
        super()._landed(saved, soon=soon)
        if self._watched is not None:
            self._unseen.append(saved)


def _report(episode: Episode | None, found: Collection[Contribution]) -> DriftReport:
    if not found:
        return DriftReport()
    return DriftReport(signals=tuple(one.signal for one in found), episode=episode)
