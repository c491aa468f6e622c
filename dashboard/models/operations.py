"""Requests that change a store: plan, lifecycle, journal and log."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from dashboard.models.access import User
from dashboard.models.agents import Thread
from dashboard.models.sources import Source


class OperationKind(models.TextChoices):
    """What an operation does."""

    RESTORE = "restore", "Restore"


class OperationState(models.TextChoices):
    """Where an operation is on its way."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    SUPERSEDED = "superseded", "Superseded"
    FAILED = "failed", "Failed"
    REFUSED_STALE = "refused_stale", "Refused: the store has changed"
    CANCELLED = "cancelled", "Cancelled"
    NEEDS_ATTENTION = "needs_attention", "Needs attention"
    UNDONE = "undone", "Undone"


class Operation(models.Model):
    """One request; the row is the truth, the message that starts a worker is only a hint.

    ``phase`` names the step of a running operation: checking, safety, applying, verifying.
    ``fence`` grows with each claim; a worker that holds an older one can change nothing.
    ``follow_live`` says that the operator accepts what a running agent saves until the operation
    is carried out: the plan then follows the head along its own line. ``plan`` is a
    ``checkpoints.RestorePlan`` as JSON, ``plan_hash`` its digest.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=OperationKind.choices)
    state = models.CharField(
        max_length=20, choices=OperationState.choices, default=OperationState.QUEUED
    )
    phase = models.CharField(max_length=20, blank=True, default="")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="operations")
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="operations")
    target_id = models.TextField()
    previous_head_id = models.TextField(blank=True, default="")
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="operations")
    reason = models.TextField()
    plan = models.JSONField()
    plan_hash = models.CharField(max_length=64)
    follow_live = models.BooleanField(default=False)
    idempotency_key = models.CharField(max_length=64)
    undo_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.RESTRICT, related_name="undos"
    )
    fence = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    result = models.JSONField(default=dict)
    message = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    hinted_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"], name="one_operation_per_click"
            ),
            models.UniqueConstraint(
                fields=["undo_of"],
                condition=~Q(state__in=["failed", "refused_stale", "cancelled"]),
                name="one_undo_unless_it_came_to_nothing",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="operations_by_time"),
            models.Index(
                fields=["state", "lease_until"],
                name="operations_open",
                condition=Q(state__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class OperationStep(models.Model):
    """A journalled step: its id and what it will write were chosen once, before it ran."""

    id = models.UUIDField(primary_key=True)
    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    action = models.CharField(max_length=40)
    written_ids = models.JSONField(default=list)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["operation", "position"], name="one_step_per_position")
        ]


class OperationLog(models.Model):
    """A line that the operator reads while an operation runs and afterwards."""

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    level = models.CharField(max_length=10, default="info")
    message = models.TextField()

    class Meta:
        ordering = ["id"]


class ThreadLock(models.Model):
    """Held by the one operation that may change a thread."""

    thread = models.OneToOneField(Thread, on_delete=models.CASCADE, related_name="lock")
    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="locks")
    fence = models.PositiveBigIntegerField()
    lease_until = models.DateTimeField()
