"""What agents report besides checkpoints, and what operators leave for them to do."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

import checkpoints
from dashboard.models.access import User
from dashboard.models.agents import Thread

STRATEGIES = [(one.value, one.value.replace("_", " ").capitalize()) for one in checkpoints.Strategy]


class Failure(models.Model):
    """One error that an agent reported; ``item_id`` is the agent's, so that it counts once."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="failures")
    item_id = models.CharField(max_length=64)
    error_type = models.TextField()
    message = models.TextField(blank=True, default="")
    traceback = models.TextField(blank=True, default="")
    checkpoint_id = models.TextField(blank=True, default="")
    run_id = models.TextField(blank=True, default="")
    step = models.BigIntegerField(null=True, blank=True)
    step_name = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thread", "item_id"], name="one_row_per_failure")
        ]
        indexes = [models.Index(fields=["thread", "-at", "-id"], name="failures_by_time")]

    def __str__(self) -> str:
        return f"{self.error_type}: {self.message}"


class MetricsPoint(models.Model):
    """Measurements at a time that belong to no checkpoint."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="metrics_points")
    item_id = models.CharField(max_length=64)
    step = models.BigIntegerField(null=True, blank=True)
    values = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thread", "item_id"], name="one_row_per_metrics_point")
        ]
        indexes = [models.Index(fields=["thread", "-at", "-id"], name="metrics_by_time")]


class Effect(models.Model):
    """Something an agent did outside itself; ``checkpoint_id`` was the head at that time."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="effects")
    name = models.TextField()
    key = models.TextField()
    checkpoint_id = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thread", "name", "key"], name="one_row_per_effect")
        ]
        indexes = [
            models.Index(fields=["thread", "-at", "-id"], name="effects_by_time"),
            models.Index(fields=["thread", "checkpoint_id"], name="effects_by_checkpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.key}"


class ResumeOutcome(models.TextChoices):
    """What became of a resume."""

    RESUMED = "resumed", "Resumed"
    SUCCEEDED = "succeeded", "Went on to save"
    FAILED = "failed", "Failed"


class Resume(models.Model):
    """A run that took up a thread; ``attempt`` tells those of one run and checkpoint apart."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="resumes")
    run_id = models.TextField()
    checkpoint_id = models.TextField(blank=True, default="")
    attempt = models.TextField(blank=True, default="")
    outcome = models.CharField(max_length=10, choices=ResumeOutcome.choices)
    error = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["thread", "run_id", "checkpoint_id", "attempt"], name="one_row_per_resume"
            )
        ]
        indexes = [models.Index(fields=["thread", "-at", "-id"], name="resumes_by_time")]


class DirectiveState(models.TextChoices):
    """Where a directive is on its way to its agent."""

    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    CANCELLED = "cancelled", "Cancelled"


class DirectiveOutcome(models.TextChoices):
    """What an agent made of a directive."""

    APPLIED = "applied", "Applied"
    FAILED = "failed", "Failed"
    REFUSED = "refused", "Refused"


OPEN_DIRECTIVES = (DirectiveState.WAITING, DirectiveState.DELIVERED)


class Directive(models.Model):
    """An instruction for an agent whose store is not opened here; the agent fetches it.

    A thread has at most one that is open. ``outcome`` and ``detail`` are the agent's answer.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="directives")
    strategy = models.CharField(max_length=30, choices=STRATEGIES)
    parameters = models.JSONField(default=dict)
    reason = models.TextField()
    state = models.CharField(
        max_length=12, choices=DirectiveState.choices, default=DirectiveState.WAITING
    )
    outcome = models.CharField(
        max_length=10, choices=DirectiveOutcome.choices, blank=True, default=""
    )
    detail = models.TextField(blank=True, default="")
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="directives")
    idempotency_key = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"], name="one_directive_per_click"
            ),
            models.UniqueConstraint(
                fields=["thread"],
                condition=Q(state__in=["waiting", "delivered"]),
                name="one_open_directive_per_thread",
            ),
        ]
        indexes = [models.Index(fields=["thread", "-created_at"], name="directives_by_time")]

    def __str__(self) -> str:
        return f"{self.strategy} {self.id}"

    @property
    def is_open(self) -> bool:
        """Whether its agent has yet to answer."""
        return self.state in OPEN_DIRECTIVES

    @property
    def is_applied_restore(self) -> bool:
        """Whether its agent restored what it names."""
        is_restore = self.strategy == checkpoints.Strategy.RESTORE_CHECKPOINT
        return is_restore and self.outcome == DirectiveOutcome.APPLIED
