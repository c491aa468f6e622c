"""Restore drills: when they run, what they came to, and how old a recovery point may be."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from dashboard.models.access import Project, User
from dashboard.models.agents import Agent
from dashboard.models.retention import exactly_one
from dashboard.models.sources import Source

DAY_HOURS = 24
PER_AGENT = 2
MOST_PER_AGENT = 50


class DrillOutcome(models.TextChoices):
    """What a rehearsal, or a whole drill, came to. ``skipped`` proves nothing, either way."""

    PROVEN = "proven", "Proven"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Not rehearsed"


class DrillSchedule(models.Model):
    """How often restores of a source's agents are rehearsed: every so many hours.

    ``per_agent`` checkpoints of each agent are taken, its head always. Whoever moves
    ``next_run_at`` on begins the drill.
    """

    source = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="drill_schedule")
    every_hours = models.PositiveIntegerField(default=DAY_HOURS)
    per_agent = models.PositiveSmallIntegerField(default=PER_AGENT)
    enabled = models.BooleanField(default=True)
    next_run_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(every_hours__gte=1), name="a_drill_has_a_rhythm"),
            models.CheckConstraint(
                condition=Q(per_agent__gte=1, per_agent__lte=MOST_PER_AGENT),
                name="a_drill_takes_some",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_run_at"], name="drill_schedules_due", condition=Q(enabled=True)
            )
        ]

    def __str__(self) -> str:
        return f"drills of {self.source}"

    @property
    def rhythm(self) -> str:
        """How often it runs, in words."""
        if self.every_hours == DAY_HOURS:
            return "daily"
        return "every hour" if self.every_hours == 1 else f"every {self.every_hours} hours"


class Drill(models.Model):
    """One drill of a source, or of one agent of it; there is one at a time for a source.

    ``lease_until`` is when another worker may go on with it. ``agents_done`` and ``last_agent``
    say how far it came; ``lost`` counts how often a worker did not come back from the agent that
    is next. ``message`` says why it failed as a whole.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="drills")
    agent = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.CASCADE)
    per_agent = models.PositiveSmallIntegerField(default=PER_AGENT)
    asked_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    hinted_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_agent = models.PositiveBigIntegerField(default=0)
    agents_done = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)
    proven = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    bytes_read = models.PositiveBigIntegerField(default=0)
    outcome = models.CharField(max_length=10, blank=True, default="", choices=DrillOutcome.choices)
    message = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source"],
                condition=Q(finished_at__isnull=True),
                name="one_open_drill_per_source",
            )
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="drills_latest"),
            models.Index(fields=["source", "-created_at"], name="drills_of_source"),
        ]

    def __str__(self) -> str:
        return f"drill {self.pk} of {self.source}"


class DrillResult(models.Model):
    """What rehearsing one checkpoint came to; kept for 90 days. ``row`` is the index's, if any."""

    drill = models.ForeignKey(Drill, on_delete=models.CASCADE, related_name="results")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="drill_results")
    thread_id = models.TextField()
    checkpoint_id = models.TextField()
    row = models.ForeignKey(
        "dashboard.Checkpoint", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    outcome = models.CharField(max_length=10, choices=DrillOutcome.choices)
    decoded = models.BooleanField(default=False)
    digest_verified = models.BooleanField(default=False)
    restored = models.BooleanField(default=False)
    read_back = models.BooleanField(default=False)
    how = models.TextField(blank=True, default="")
    finding = models.CharField(max_length=60, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    bytes_read = models.PositiveBigIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["drill", "agent", "thread_id", "checkpoint_id"],
                name="one_result_per_drill_and_checkpoint",
            )
        ]

    def __str__(self) -> str:
        return f"{self.checkpoint_id}: {self.outcome}"


class AgentDrill(models.Model):
    """What the last drill of an agent came to, and when a restore was last proven."""

    agent = models.OneToOneField(Agent, on_delete=models.CASCADE, related_name="last_drill")
    drill = models.ForeignKey(Drill, null=True, on_delete=models.SET_NULL, related_name="+")
    outcome = models.CharField(max_length=10, choices=DrillOutcome.choices)
    at = models.DateTimeField()
    proven_at = models.DateTimeField(null=True, blank=True)
    rehearsed = models.PositiveIntegerField(default=0)
    finding = models.CharField(max_length=60, blank=True, default="")
    message = models.TextField(blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["outcome", "at"], name="agent_drills_by_outcome")]

    def __str__(self) -> str:
        return f"{self.agent}: {self.outcome}"


class RecoveryObjective(models.Model):
    """How old the newest clean checkpoint may be, for a project, a source or an agent.

    The nearest one applies; ``minutes`` None says that there is none from here on.
    """

    project = models.OneToOneField(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="objective"
    )
    source = models.OneToOneField(
        Source, null=True, blank=True, on_delete=models.CASCADE, related_name="objective"
    )
    agent = models.OneToOneField(
        Agent, null=True, blank=True, on_delete=models.CASCADE, related_name="objective"
    )
    minutes = models.PositiveIntegerField(null=True, blank=True)
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one("project", "source", "agent"),
                name="an_objective_has_one_target",
            ),
            models.CheckConstraint(
                condition=Q(minutes__isnull=True) | Q(minutes__gte=1),
                name="an_objective_has_a_length",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.minutes or 'no'} minutes"


class AlertKind(models.TextChoices):
    """What an agent's recovery is in danger by."""

    OBJECTIVE_MISSED = "objective_missed", "Recovery point too old"
    DRILL_FAILED = "drill_failed", "Restore not proven"


class ObjectiveAlert(models.Model):
    """Something that endangers an agent's recovery, from ``since`` until it is resolved by itself.

    A person acknowledges that they know of it; it then no longer calls, and lasts all the same.
    """

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="objective_alerts")
    kind = models.CharField(max_length=20, choices=AlertKind.choices)
    since = models.DateTimeField()
    opened_at = models.DateTimeField()
    message = models.TextField(blank=True, default="")
    acknowledged_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agent", "kind"],
                condition=Q(resolved_at__isnull=True),
                name="one_open_alert_per_agent_and_kind",
            )
        ]
        indexes = [
            models.Index(
                fields=["-since"], name="alerts_open", condition=Q(resolved_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.agent}: {self.kind}"
