"""Who did what, appended and never changed: triggers of the database refuse anything else."""

from __future__ import annotations

from django.db import models

from dashboard.chains import Link
from dashboard.models.access import Project, User


class AuditEvent(models.Model):
    """One thing that somebody did. ``hash`` covers all other fields, ``previous`` the one before.

    ``project`` is None for what concerns the whole installation.
    """

    sequence = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=60)
    target = models.TextField(blank=True, default="")
    project = models.ForeignKey(Project, null=True, on_delete=models.PROTECT, related_name="+")
    details = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_by_time"),
            models.Index(fields=["project", "-sequence"], name="audit_by_project"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"

    def link(self) -> Link:
        """Return the event as the chain sees it."""
        return Link(
            sequence=self.sequence,
            at=self.at,
            user=self.user_id,
            actor=self.actor,
            action=self.action,
            target=self.target,
            project=self.project_id,
            details=self.details,
            previous=self.previous,
            hash=self.hash,
        )


class AuditHead(models.Model):
    """The end of the chain: one row, which is locked while an event is appended."""

    count = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64)
