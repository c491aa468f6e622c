"""Stores that are registered here."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from dashboard.models.access import Project, default_project


class SourceHealth(models.TextChoices):
    """How the last look at a source went."""

    UNKNOWN = "unknown", "Not looked at yet"
    HEALTHY = "healthy", "Healthy"
    ATTENTION = "attention", "Needs attention"
    FAILED = "failed", "Failed"


class Source(models.Model):
    """A store, how to open it, and how far it has been read.

    ``connected`` is false for a store that agents only report about: it is opened once an
    operator has said that it may be, in one project alone. Any number of projects may be reported
    to about one store; none sees the others' rows. ``failed_scans`` and ``lost_scans`` count those
    in a row that failed, and those that never came back; before ``next_scan_at`` none is begun by
    itself. ``scan_remaining`` is about how many checkpoints wait behind the cursor, None when that
    is not known; ``scan_seconds`` is how long the last look took that found little new;
    ``recounted_at`` is when it was last looked what others deleted; ``last_error`` stays when what
    was wrong is over. ``credentials`` are sealed: what was given to open the store, readable with
    a key that the database does not have.
    """

    project = models.ForeignKey(
        Project, default=default_project, on_delete=models.PROTECT, related_name="sources"
    )
    name = models.CharField(max_length=200)
    url = models.TextField()
    kind = models.CharField(max_length=40)
    connected = models.BooleanField(default=True)
    credentials = models.BinaryField(blank=True, default=b"")
    capabilities = models.JSONField(default=dict)
    cursor = models.TextField(blank=True, default="")
    health = models.CharField(
        max_length=12, choices=SourceHealth.choices, default=SourceHealth.UNKNOWN
    )
    health_message = models.TextField(blank=True, default="")
    scan_lease_until = models.DateTimeField(null=True, blank=True)
    failed_scans = models.PositiveIntegerField(default=0)
    lost_scans = models.PositiveIntegerField(default=0)
    next_scan_at = models.DateTimeField(null=True, blank=True)
    scan_remaining = models.PositiveBigIntegerField(null=True, blank=True)
    scan_seconds = models.FloatField(default=0.0)
    last_synced_at = models.DateTimeField(null=True, blank=True)
    recounted_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    last_error_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "url"], name="one_source_per_project"),
            models.UniqueConstraint(
                fields=["url"], condition=Q(connected=True), name="connected_in_one_project"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SourceFinding(models.Model):
    """Something wrong that reading a source brought up, known by its ``fingerprint``.

    ``found_at`` is when it was first seen, ``seen_at`` when last. ``deep`` says that only reading
    every state has shown it. ``gone_at`` is when a verification of everything saw it no more.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="findings")
    fingerprint = models.CharField(max_length=64)
    kind = models.CharField(max_length=60)
    message = models.TextField()
    checkpoint_id = models.TextField(blank=True, default="")
    thread_id = models.TextField(blank=True, default="")
    deep = models.BooleanField(default=False)
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "fingerprint"], name="one_row_per_finding")
        ]
        indexes = [
            models.Index(fields=["source", "kind", "-found_at", "-id"], name="findings_by_kind"),
            models.Index(fields=["source", "checkpoint_id"], name="findings_by_checkpoint"),
        ]
