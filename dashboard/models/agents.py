"""Agents and their threads, as their stores show them."""

from __future__ import annotations

from django.db import models

import checkpoints
from dashboard.models.sources import Source

STATUSES = [(status.value, status.value.capitalize()) for status in checkpoints.Status]


class Agent(models.Model):
    """A named program that saves checkpoints into one source."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="agents")
    agent_id = models.TextField()
    status = models.CharField(max_length=12, choices=STATUSES, default=checkpoints.Status.UNKNOWN)
    last_checkpoint_at = models.DateTimeField(null=True, blank=True)
    checkpoint_count = models.PositiveBigIntegerField(default=0)
    stored_bytes = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "agent_id"], name="one_row_per_agent")
        ]
        indexes = [models.Index(fields=["-last_checkpoint_at", "-id"], name="agents_by_activity")]

    def __str__(self) -> str:
        return self.agent_id


class Thread(models.Model):
    """One lineage of an agent. ``head`` is what its next run resumes from.

    ``head_version`` is the newest that was told: by its store where that is connected, else by a
    push, of which an older one that arrives late moves nothing.
    """

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="threads")
    thread_id = models.TextField()
    status = models.CharField(max_length=12, choices=STATUSES, default=checkpoints.Status.UNKNOWN)
    next_steps = models.JSONField(default=list)
    detail = models.TextField(blank=True, default="")
    head = models.ForeignKey(
        "dashboard.Checkpoint", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    head_version = models.PositiveBigIntegerField(default=0)
    last_checkpoint_at = models.DateTimeField(null=True, blank=True)
    checkpoint_count = models.PositiveBigIntegerField(default=0)
    stored_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent", "thread_id"], name="one_row_per_thread")
        ]

    def __str__(self) -> str:
        return self.thread_id
