"""Who may look at an agent now: a claim that only grows, and a lease.

Whatever is written names the claim, so a worker that was overtaken writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from dashboard.models import Agent, AgentWatch

LEASE = timedelta(seconds=60)
LOST_AT_MOST = 3
LOST = (
    "Looking at it was begun three times and never came back, so it is not looked at by itself any "
    "more. Change its tuning, or let it be looked at anew, to try again."
)


class ClaimLost(Exception):
    """Another worker has taken the agent over, or somebody has changed its tuning."""


@dataclass(slots=True, kw_only=True)
class Claim:
    """The right to look at an agent until a newer claim exists."""

    watch: AgentWatch

    def held(self) -> QuerySet[AgentWatch]:
        """Return the watch's row while this claim is the newest."""
        return AgentWatch.objects.filter(pk=self.watch.pk, claim=self.watch.claim)

    def hold(self, now: datetime) -> None:
        """Prolong the lease. Raises ClaimLost."""
        if not self.held().update(lease_until=now + LEASE):
            raise ClaimLost

    def give_up(self, why: str) -> None:
        """Let it be tried again, a few times; ``why`` is shown until it succeeds."""
        self.held().update(lease_until=None, waiting=True, message=why)


def claim(agent_pk: int, now: datetime) -> Claim | None:
    """Take an agent that waits, or that a worker never came back from, by one update."""
    free = Q(waiting=True, lease_until=None)
    abandoned = Q(lease_until__lt=now)
    rows = AgentWatch.objects.filter(free | abandoned, pk=agent_pk, enabled=True)
    with transaction.atomic():
        taken = rows.update(
            waiting=False, claim=F("claim") + 1, lost=F("lost") + 1, lease_until=now + LEASE
        )
        if not taken:
            return None
        watch = AgentWatch.objects.select_related("agent__source__project").get(pk=agent_pk)
    mine = Claim(watch=watch)
    if watch.lost > LOST_AT_MOST:
        mine.held().update(enabled=False, lease_until=None, message=watch.message or LOST)
        return None
    return mine


def lock(agent_pk: int) -> AgentWatch:
    """Lock an agent and then its watch, made if there is none, until the transaction ends.

    In this order everybody locks them: whoever takes checkpoints in holds the agent.
    """
    Agent.objects.select_for_update().get(pk=agent_pk)
    AgentWatch.objects.get_or_create(agent_id=agent_pk)
    rows = AgentWatch.objects.select_for_update(of=("self",))
    return rows.select_related("agent__source__project").get(pk=agent_pk)


def overtake(watch: AgentWatch) -> None:
    """Let whoever looks at a locked agent just now write nothing, and have it looked at anew."""
    AgentWatch.objects.filter(pk=watch.pk).update(
        claim=F("claim") + 1, lease_until=None, waiting=True
    )


def due(now: datetime, limit: int) -> list[int]:
    """Return the agents to be looked at, those that wait longest first.

    A source that is still being read for the first time waits, so that its checkpoints are taken
    in the order in which they were saved.
    """
    free = Q(waiting=True, lease_until=None) | Q(lease_until__lt=now)
    unread = Q(agent__source__connected=True, agent__source__last_synced_at=None)
    rows = AgentWatch.objects.filter(free, enabled=True).exclude(unread)
    return list(rows.order_by("hinted_at", "pk").values_list("pk", flat=True)[:limit])
