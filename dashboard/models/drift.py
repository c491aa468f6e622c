"""Drift: what was found, how far each agent has been looked at, numbers out of its states."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from checkpoints.drift.episodes import Severity
from dashboard.models.access import User
from dashboard.models.agents import Agent, Thread
from dashboard.models.checkpoints import Checkpoint
from dashboard.models.retention import exactly_one
from dashboard.models.sources import Source

SEVERITIES = [(one.value, one.value.capitalize()) for one in Severity]
MEDIUM_SENSITIVITY = 0.5


class DriftState(models.TextChoices):
    """Where a drift alert is on its way. The last two are its ends."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    SNOOZED = "snoozed", "Snoozed"
    RESOLVED = "resolved", "Resolved"
    NOT_DRIFT = "not_drift", "Not drift"


ENDED = (DriftState.RESOLVED, DriftState.NOT_DRIFT)
UNENDED = (DriftState.OPEN, DriftState.ACKNOWLEDGED, DriftState.SNOOZED)


class DriftAlert(models.Model):
    """One episode in which an agent drifted, however many of its metrics tell of it.

    ``number`` counts an agent's alerts from 1; ``episode`` is what its detector calls it, by which
    further signals find it. ``contributions`` are ``Contribution.to_dict()``. ``found_at`` is the
    time of the observation that gave it away, ``opened_at`` when this was written down.
    ``reason`` is what a person wrote on its end; ``resolved_by`` is empty where it ended by itself.
    """

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="drift_alerts")
    thread = models.ForeignKey(
        Thread, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    number = models.PositiveIntegerField()
    episode = models.PositiveIntegerField()
    state = models.CharField(
        max_length=12, choices=DriftState.choices, default=DriftState.OPEN.value
    )
    severity = models.CharField(max_length=6, choices=SEVERITIES)
    kinds = models.JSONField(default=list)
    metrics = models.JSONField(default=list)
    contributions = models.JSONField(default=list)
    words = models.TextField(blank=True, default="")
    onset_at = models.DateTimeField()
    onset_checkpoint = models.ForeignKey(
        Checkpoint, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    found_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    last_signal_at = models.DateTimeField()
    normal_since = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="one_drift_alert_per_number"),
            models.UniqueConstraint(
                fields=["agent"],
                condition=Q(state__in=["open", "acknowledged", "snoozed"]),
                name="one_unended_drift_alert_per_agent",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["resolved", "not_drift"]) ^ Q(resolved_at__isnull=True),
                name="an_ended_drift_alert_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(state="snoozed") | Q(snoozed_until__isnull=False),
                name="a_snoozed_drift_alert_says_until",
            ),
        ]
        indexes = [
            models.Index(fields=["-found_at", "-id"], name="drift_alerts_latest"),
            models.Index(fields=["agent", "-found_at", "-id"], name="drift_alerts_of_agent"),
            models.Index(fields=["state", "-found_at", "-id"], name="drift_alerts_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} #{self.number}"

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is to be done about it."""
        return self.state in ENDED


class AgentWatch(models.Model):
    """How far an agent has been looked at for drift, and how closely it is looked at.

    ``waiting`` says that there is something new; ``lease_until`` is when another worker may take
    it up, ``claim`` counts who did, so that only the last one writes. Up to ``*_upto``, primary
    keys, its rows have been looked at; ``observed`` counts what the detector saw and
    ``observed_at`` is the latest of it. From ``stall_due_at`` on silence is a stall. ``lost``
    counts workers in a row that never came back; ``message`` says why nothing is looked at.
    """

    agent = models.OneToOneField(
        Agent, on_delete=models.CASCADE, primary_key=True, related_name="watch"
    )
    enabled = models.BooleanField(default=True)
    waiting = models.BooleanField(default=True)
    hinted_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    claim = models.PositiveBigIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True, default="")
    checkpoints_upto = models.PositiveBigIntegerField(default=0)
    points_upto = models.PositiveBigIntegerField(default=0)
    failures_upto = models.PositiveBigIntegerField(default=0)
    states_upto = models.PositiveBigIntegerField(default=0)
    observed = models.PositiveBigIntegerField(default=0)
    observed_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    stall_due_at = models.DateTimeField(null=True, blank=True)
    sensitivity = models.FloatField(default=MEDIUM_SENSITIVITY)
    sensitivities = models.JSONField(default=dict)
    tuned_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    tuned_at = models.DateTimeField(null=True, blank=True)
    states_read_at = models.DateTimeField(null=True, blank=True)
    states_message = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sensitivity__gte=0) & Q(sensitivity__lte=1),
                name="a_drift_sensitivity_is_a_share",
            )
        ]
        indexes = [
            models.Index(
                fields=["hinted_at"], name="drift_watches_waiting", condition=Q(waiting=True)
            ),
            models.Index(
                fields=["lease_until"],
                name="drift_watches_claimed",
                condition=Q(lease_until__isnull=False),
            ),
            models.Index(
                fields=["stall_due_at"],
                name="drift_watches_stalling",
                condition=Q(stall_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"watch of {self.agent}"


class AgentDetectorState(models.Model):
    """What an agent's detector has learned, as JSON text.

    Apart from the watch, since that changes with every report and this is large.
    """

    watch = models.OneToOneField(
        AgentWatch, on_delete=models.CASCADE, primary_key=True, related_name="detector"
    )
    values = models.TextField()


class StateMetrics(models.Model):
    """What was read out of one checkpoint's state, once.

    ``values`` are numbers, ``calls`` what tools were called (digests), ``shape`` the paths of the
    state with the types that lie there. ``message`` says why it could not be read; it is not tried
    again. Rows are numbered in the order in which they were read.
    """

    checkpoint = models.OneToOneField(
        Checkpoint, on_delete=models.CASCADE, related_name="state_metrics"
    )
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="state_metrics")
    values = models.JSONField(default=dict)
    calls = models.JSONField(default=list)
    shape = models.JSONField(null=True)
    bytes_read = models.PositiveBigIntegerField(default=0)
    message = models.TextField(blank=True, default="")
    read_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["agent", "id"], name="state_metrics_of_agent")]


class BackfillState(models.TextChoices):
    """Where a backfill is on its way."""

    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


class DriftBackfill(models.Model):
    """Reading numbers out of states that are there already, of a source or of one agent.

    It goes on after the checkpoint ``upto`` (a primary key); ``lost`` counts workers in a row that
    never came back from what is next.
    """

    source = models.ForeignKey(
        Source, null=True, blank=True, on_delete=models.CASCADE, related_name="drift_backfills"
    )
    agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.CASCADE, related_name="drift_backfills"
    )
    state = models.CharField(
        max_length=10, choices=BackfillState.choices, default=BackfillState.RUNNING.value
    )
    asked_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    hinted_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    claim = models.PositiveBigIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)
    upto = models.PositiveBigIntegerField(default=0)
    last_pk = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    done = models.PositiveBigIntegerField(default=0)
    unread = models.PositiveBigIntegerField(default=0)
    bytes_read = models.PositiveBigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    message = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one("source", "agent"), name="a_drift_backfill_has_one_target"
            ),
            models.UniqueConstraint(
                fields=["source"],
                condition=Q(state="running"),
                name="one_running_drift_backfill_per_source",
            ),
            models.UniqueConstraint(
                fields=["agent"],
                condition=Q(state="running"),
                name="one_running_drift_backfill_per_agent",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="drift_backfills_latest")]

    def __str__(self) -> str:
        return f"drift backfill of {self.source or self.agent}"
