"""Beginning drills: those that are due, and those that somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from dashboard import access, queue
from dashboard.models import Agent, Drill, DrillSchedule, Source, User
from dashboard.models.drills import MOST_PER_AGENT, PER_AGENT
from dashboard.selectors.errors import NotFound
from dashboard.services import audit
from dashboard.services.drills.alerts import review
from dashboard.services.drills.errors import DrillRefused

FIRST_AFTER = timedelta(minutes=10)
HINT_LOST_AFTER = timedelta(seconds=15)
MOST_HOURS = 24 * 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How often a source is drilled, and how many checkpoints of each agent are taken."""

    every_hours: int
    per_agent: int = PER_AGENT
    enabled: bool = True

    def check(self) -> None:
        """Raise DrillRefused for what cannot be."""
        if not 1 <= self.every_hours <= MOST_HOURS:
            raise DrillRefused(f"Drills run every 1 to {MOST_HOURS} hours; nothing was changed.")
        _check_sample(self.per_agent)


def begin_due(*, now: datetime) -> list[int]:
    """Begin what is due, hint again at what nobody took up, review the objectives.

    Each connected source gets a schedule. What was missed while no worker was there is made up for
    by one drill. Returns the drills' numbers.
    """
    _give_schedules(now)
    due = DrillSchedule.objects.filter(enabled=True, next_run_at__lte=now, source__connected=True)
    ready = due.filter(source__last_synced_at__isnull=False).select_related("source")
    begun = [drill.pk for schedule in ready if (drill := _begin(schedule, now)) is not None]
    review(now=now)
    return begun + _hint_again(now)


def rehearse_now(
    *,
    user: User,
    source_pk: int | None = None,
    agent_pk: int | None = None,
    per_agent: int = PER_AGENT,
    now: datetime,
) -> Drill:
    """Drill a source or one agent at once; its next time stays as it is.

    Raises NotFound, Forbidden, or DrillRefused while a drill of the source has not ended.
    """
    source, agent = _find(user, source_pk, agent_pk)
    access.require(user, "operate", source.project_id)
    _check_sample(per_agent)
    if not source.connected:
        raise DrillRefused(
            f"Agents only report about {source.name}, so nothing can be rehearsed. Connect it on "
            "the Sources page first."
        )
    asked = Drill(
        source=source,
        agent=agent,
        per_agent=per_agent,
        asked_by=user,
        created_at=now,
        hinted_at=now,
    )
    try:
        with transaction.atomic():
            asked.save(force_insert=True)
            queue.enqueue_drill(asked.pk)
            _record(user, asked, now)
    except IntegrityError as error:
        raise DrillRefused(
            f"A drill of {source.name} has not ended yet; no second one was begun."
        ) from error
    return asked


def change_schedule(*, user: User, source_pk: int, wanted: Wanted, now: datetime) -> DrillSchedule:
    """Let a source be drilled at other times. Raises NotFound, Forbidden, DrillRefused."""
    source, _ = _find(user, source_pk, None)
    access.require(user, "operate", source.project_id)
    wanted.check()
    values = {
        "every_hours": wanted.every_hours,
        "per_agent": wanted.per_agent,
        "enabled": wanted.enabled,
        "next_run_at": now + timedelta(hours=wanted.every_hours),
    }
    with transaction.atomic():
        schedule, _ = DrillSchedule.objects.update_or_create(source=source, defaults=values)
        audit.record(
            user=user,
            action="drill_schedule.changed",
            target=source.name,
            details={name: values[name] for name in ("every_hours", "per_agent", "enabled")},
            now=now,
            project=source.project_id,
        )
    return schedule


def _give_schedules(now: datetime) -> None:
    bare = Source.objects.filter(connected=True, drill_schedule=None)
    fresh = [DrillSchedule(source=source, next_run_at=now + FIRST_AFTER) for source in bare]
    DrillSchedule.objects.bulk_create(fresh, ignore_conflicts=True)


def _begin(schedule: DrillSchedule, now: datetime) -> Drill | None:
    """Make the drill for a due time, unless another worker was first or one has not ended."""
    due_at = schedule.next_run_at
    same = DrillSchedule.objects.filter(pk=schedule.pk, next_run_at=due_at, enabled=True)
    step = timedelta(hours=schedule.every_hours)
    following = due_at + step * ((now - due_at) // step + 1)
    drill = Drill(
        source=schedule.source, per_agent=schedule.per_agent, created_at=now, hinted_at=now
    )
    try:
        with transaction.atomic():
            if not same.update(next_run_at=following):
                return None
            drill.save(force_insert=True)
            queue.enqueue_drill(drill.pk)
    except IntegrityError:
        return None
    return drill


def _hint_again(now: datetime) -> list[int]:
    hinted = []
    for drill in _unclaimed(now).filter(hinted_at__lt=now - HINT_LOST_AFTER):
        if _unclaimed(now).filter(pk=drill.pk, hinted_at=drill.hinted_at).update(hinted_at=now):
            queue.enqueue_drill(drill.pk)
            hinted.append(drill.pk)
    return hinted


def _unclaimed(now: datetime) -> QuerySet[Drill]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    return Drill.objects.filter(free, finished_at=None)


def _find(user: User, source_pk: int | None, agent_pk: int | None) -> tuple[Source, Agent | None]:
    access.require(user, "read")
    if agent_pk is not None:
        rows = Agent.objects.select_related("source__project").filter(pk=agent_pk)
        agent = access.visible(user, rows, "source__project").first()
        if agent is None:
            raise NotFound("There is no such agent; nothing was begun. Choose one in the list.")
        return agent.source, agent
    source = access.visible(user, Source.objects.filter(pk=source_pk or 0)).first()
    if source is None:
        raise NotFound("There is no such source; nothing was begun. Choose one in the list.")
    return source, None


def _check_sample(per_agent: int) -> None:
    if not 1 <= per_agent <= MOST_PER_AGENT:
        raise DrillRefused(
            f"A drill takes 1 to {MOST_PER_AGENT} checkpoints of each agent; nothing was changed."
        )


def _record(user: User, drill: Drill, now: datetime) -> None:
    agent = drill.agent
    audit.record(
        user=user,
        action="drill.asked",
        target=agent.agent_id if agent else drill.source.name,
        details={"drill": drill.pk, "source": drill.source.name, "per_agent": drill.per_agent},
        now=now,
        project=drill.source.project_id,
    )
