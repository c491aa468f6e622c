"""What is to be kept of what agents save, and when the rest is pruned by itself."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.db import models
from django.db.models import Q

import checkpoints
from dashboard.models.access import Project, User
from dashboard.models.agents import Agent, Thread
from dashboard.models.operations import Operation
from dashboard.models.sources import Source

MOST_PERCENT = 50
"""Of a source's checkpoints, what a schedule may remove at once with nobody looking."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def exactly_one(*names: str) -> Q:
    """Return the condition that one of several foreign keys is set, and no other."""
    alone = (Q(**{f"{other}__isnull": other != name for other in names}) for name in names)
    return reduce(or_, alone)


class RetentionPolicy(models.Model):
    """What to keep of a project's threads, or of those of one source, one agent, or of one thread.

    ``rules`` are those of ``checkpoints.RetentionPolicy``, as JSON; without any, everything is
    kept, whatever a policy further out says.
    """

    project = models.OneToOneField(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="retention"
    )
    source = models.OneToOneField(
        Source, null=True, blank=True, on_delete=models.CASCADE, related_name="retention"
    )
    agent = models.OneToOneField(
        Agent, null=True, blank=True, on_delete=models.CASCADE, related_name="retention"
    )
    thread = models.OneToOneField(
        Thread, null=True, blank=True, on_delete=models.CASCADE, related_name="retention"
    )
    name = models.CharField(max_length=100)
    rules = models.JSONField(default=dict)
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one("project", "source", "agent", "thread"),
                name="a_policy_has_one_target",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def policy(self) -> checkpoints.RetentionPolicy:
        """The rules as the SDK applies them."""
        return checkpoints.RetentionPolicy.from_dict(self.rules)

    @property
    def keeps_all(self) -> bool:
        """Whether it says that everything is kept."""
        return self.policy.keeps_all


class PruneSchedule(models.Model):
    """When what the policies do not keep is pruned by itself: every few hours, or once a day.

    A daily one runs at ``minute_of_day`` (UTC), on one ``weekday`` (Monday is 0) or on all.
    ``next_run_at`` is moved on by the one worker that takes the run up. A run that would remove
    more than ``most_percent`` of a source's checkpoints waits for a person.
    """

    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="prune_schedules"
    )
    source = models.ForeignKey(
        Source, null=True, blank=True, on_delete=models.CASCADE, related_name="prune_schedules"
    )
    agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.CASCADE, related_name="prune_schedules"
    )
    name = models.CharField(max_length=100)
    every_hours = models.PositiveIntegerField(null=True, blank=True)
    minute_of_day = models.PositiveSmallIntegerField(null=True, blank=True)
    weekday = models.PositiveSmallIntegerField(null=True, blank=True)
    most_percent = models.PositiveSmallIntegerField(default=MOST_PERCENT)
    next_run_at = models.DateTimeField()
    paused_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one("project", "source", "agent"),
                name="a_schedule_has_one_target",
            ),
            models.CheckConstraint(
                condition=exactly_one("every_hours", "minute_of_day"),
                name="a_schedule_has_one_rhythm",
            ),
            models.CheckConstraint(
                condition=Q(weekday__isnull=True) | Q(minute_of_day__isnull=False, weekday__lte=6),
                name="a_weekday_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(most_percent__gte=1, most_percent__lte=100),
                name="a_schedule_has_a_limit",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_run_at"], name="schedules_due", condition=Q(paused_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def rhythm(self) -> str:
        """How often it runs, in words."""
        if self.every_hours is not None:
            return "every hour" if self.every_hours == 1 else f"every {self.every_hours} hours"
        hour, minute = divmod(self.minute_of_day or 0, 60)
        day = "daily" if self.weekday is None else f"every {WEEKDAYS[self.weekday]}"
        return f"{day} at {hour:02}:{minute:02} UTC"


class ScheduledRun(models.Model):
    """One run of a schedule: there is one for each time at which it was due, one at a time.

    ``lease_until`` is when another worker may go on with it, if nobody has finished it.
    """

    schedule = models.ForeignKey(PruneSchedule, on_delete=models.CASCADE, related_name="runs")
    due_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lease_until = models.DateTimeField(null=True, blank=True)
    hinted_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schedule", "due_at"], name="one_run_per_due_time"),
            models.UniqueConstraint(
                fields=["schedule"],
                condition=Q(finished_at__isnull=True),
                name="one_open_run_per_schedule",
            ),
        ]
        indexes = [
            models.Index(
                fields=["hinted_at"],
                name="scheduled_runs_open",
                condition=Q(finished_at__isnull=True),
            ),
            models.Index(fields=["schedule", "-due_at"], name="scheduled_runs_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule} at {self.due_at}"


class RunOutcome(models.TextChoices):
    """What a run of a schedule came to in one source."""

    PRUNING = "pruning", "Pruning"
    HELD = "held", "Waits for a person"
    NOTHING = "nothing", "Nothing to remove"
    SKIPPED = "skipped", "Left out"
    REFUSED = "refused", "Not possible"


class ScheduledPrune(models.Model):
    """What a run came to in one source: the operation that it asked for, or why it asked for none.

    The row is written together with the operation's request: a run asks once, whoever carries it
    out how often.
    """

    run = models.ForeignKey(ScheduledRun, on_delete=models.CASCADE, related_name="prunes")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    operation = models.ForeignKey(
        Operation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    outcome = models.CharField(max_length=10, choices=RunOutcome.choices)
    message = models.TextField(blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        ordering = ["source__name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "source"], name="one_prune_per_run_and_source"),
            models.CheckConstraint(
                condition=~Q(outcome__in=["nothing", "skipped", "refused"])
                | Q(operation__isnull=True),
                name="nothing_asked_for_no_operation",
            ),
        ]
