"""Rows about checkpoints. Bodies stay in their stores."""

from __future__ import annotations

from django.db import models

import checkpoints
from dashboard.models.agents import STATUSES, Thread

KINDS = [(kind.value, kind.value.replace("_", "-")) for kind in checkpoints.Kind]


class Checkpoint(models.Model):
    """The index's copy of a checkpoint's record."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="checkpoints")
    checkpoint_id = models.TextField()
    namespace = models.TextField(blank=True, default="")
    parent_id = models.TextField(blank=True, default="")
    run_id = models.TextField(blank=True, default="")
    step = models.BigIntegerField()
    step_name = models.TextField(blank=True, default="")
    iteration = models.BigIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=20, choices=KINDS, default=checkpoints.Kind.ROUTINE)
    status = models.CharField(max_length=12, choices=STATUSES, default=checkpoints.Status.UNKNOWN)
    created_at = models.DateTimeField()
    received_at = models.DateTimeField()
    size = models.PositiveBigIntegerField(null=True, blank=True)
    stored_size = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    metrics = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    next_steps = models.JSONField(default=list)
    written_by = models.JSONField(default=list)
    damage = models.TextField(blank=True, default="")
    pinned = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["thread", "namespace", "checkpoint_id"], name="one_row_per_checkpoint"
            )
        ]
        indexes = [
            models.Index(fields=["thread", "-created_at", "-id"], name="checkpoints_by_time"),
            models.Index(fields=["checkpoint_id"], name="checkpoints_by_id"),
            models.Index(fields=["-created_at", "-id"], name="checkpoints_latest"),
            models.Index(fields=["thread", "parent_id"], name="checkpoints_by_parent"),
            models.Index(
                fields=["thread"], name="checkpoints_pinned", condition=models.Q(pinned=True)
            ),
        ]

    def __str__(self) -> str:
        return self.checkpoint_id
