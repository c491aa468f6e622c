"""Looking at what agents saved and reported since, in order, each thing once.

What the detector has learned, the alerts and how far it has come change in one transaction, only
while the claim is one's own: a worker that dies, and a hint that comes twice, change nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import DatabaseError, transaction
from django.db.models import F

from checkpoints.drift.episodes import Contribution, Episode, Observation
from checkpoints.drift.watching import AgentDetector
from dashboard import queue
from dashboard.models import AgentWatch
from dashboard.selectors.drift_observations import Pending, chunks, pending
from dashboard.services.drift import alerting, detectors
from dashboard.services.drift.calming import Calm
from dashboard.services.drift.reading import Budget, read_new
from dashboard.services.drift.watches import Claim, ClaimLost, claim, due, lock

PIECE_SECONDS: Final = 10.0
"""After about so long others have a turn at the worker."""
AT_ONCE: Final = 100
LATE: Final = timedelta(hours=1)
"""What comes so much later than what it was saved before tells nothing of the agent now."""
logger = structlog.get_logger(__name__)
Now = Callable[[], datetime]


def analyse_due(*, now: Now, clock: Callable[[], float] = time.monotonic) -> int:
    """Look at the agents that have something new, for a while; return at how many.

    One worker does it at a time, so that operations find one that is free.
    """
    if AgentWatch.objects.filter(lease_until__gte=now()).exists():
        return 0
    begun, done = clock(), 0
    while agents := due(now(), AT_ONCE):
        for agent_pk in agents:
            done += analyse_agent(agent_pk=agent_pk, now=now)
            if clock() - begun >= PIECE_SECONDS:
                queue.enqueue_drift()
                return done
    return done


def analyse_agent(*, agent_pk: int, now: Now) -> bool:
    """Look at what an agent has that was not looked at; say whether it was one's own to do."""
    mine = claim(agent_pk, now())
    if mine is None:
        return False
    try:
        look = _Look(claim=mine, now=now)
        look.go_through()
        with transaction.atomic():
            look.write()
    except ClaimLost:
        return False
    except DatabaseError:
        raise
    except Exception as error:
        logger.exception("agent not looked at for drift", agent=agent_pk)
        mine.give_up(f"Looking at it failed ({type(error).__name__}); the log says more.")
    return True


@dataclass(slots=True, kw_only=True)
class _Look:
    """One worker's look at one agent."""

    claim: Claim
    now: Now
    new: Pending = field(init=False)
    detector: AgentDetector = field(init=False)
    beside: dict[str, Any] = field(init=False)
    calm: Calm | None = field(init=False)
    events: list[Episode | datetime] = field(default_factory=list)
    last: datetime | None = None
    taken: int = 0

    def __post_init__(self) -> None:
        watch = self.claim.watch
        self.detector, self.beside = detectors.load(watch)
        self.new = pending(watch)
        self.last = watch.observed_at
        self.calm = self._calm()

    def _calm(self) -> Calm | None:
        """Return how calm it has been since the last signal of the alert that has not ended."""
        alert = alerting.unended(self.claim.watch.pk)
        if alert is None:
            return None
        if kept := self.beside.get("calm"):
            return Calm.from_dict(kept)
        return Calm.after(map(Contribution.from_dict, alert.contributions))

    def go_through(self) -> None:
        """Give the detector all that is new, then look whether the agent is silent too long."""
        read_new(self.claim.watch, self.new.refs, now=self.now(), budget=Budget())
        for some in chunks(self.new.refs):
            for _, observation in some:
                self._take(observation)
            self.claim.hold(self.now())
        found = self.detector.check(self.now())
        if found is not None:
            self._found(found)

    def _take(self, observation: Observation) -> None:
        if self.last is not None and observation.at < self.last - LATE:
            return
        self.last = observation.at if self.last is None else max(self.last, observation.at)
        self.taken += 1
        found = self.detector.update(observation)
        if found is not None:
            self._found(found)
        elif self.calm is not None:
            self.calm.take(observation)
            if self.calm.is_over(observation.at):
                self._over(observation.at)

    def _found(self, episode: Episode) -> None:
        """Note an episode; of one that goes on the last word counts."""
        before = self.events[-1] if self.events else None
        if isinstance(before, Episode) and before.number == episode.number:
            self.events.pop()
        self.events.append(episode)
        self.calm = Calm.after(episode.contributions)

    def _over(self, at: datetime) -> None:
        self.events.append(at)
        self.detector.close()
        self.calm = None

    def write(self) -> None:
        """Write down what was found and how far it has come. Raises ClaimLost."""
        watch, now = self.claim.watch, self.now()
        lock(watch.pk)
        stalls_at = self.detector.due_at()
        held = self.claim.held().update(
            lease_until=None,
            lost=0,
            message="",
            looked_at=now,
            checkpoints_upto=self.new.checkpoints_upto,
            points_upto=self.new.points_upto,
            failures_upto=self.new.failures_upto,
            observed=F("observed") + self.taken,
            observed_at=self.last,
            stall_due_at=stalls_at if stalls_at is not None and stalls_at > now else None,
        )
        if not held:
            raise ClaimLost
        for event in self.events:
            if isinstance(event, Episode):
                alerting.note(watch.agent, event, now=now)
            else:
                alerting.end_by_itself(watch.pk, at=min(event, now), now=now)
        detectors.save(watch, self.detector, self._kept())

    def _kept(self) -> dict[str, Any]:
        return {"calm": self.calm.to_dict()} if self.calm is not None else {}
