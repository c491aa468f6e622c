"""Who did what, appended and never changed."""

from __future__ import annotations

from django.db import models

from dashboard.models.access import User


class AuditEvent(models.Model):
    """One thing that somebody did."""

    at = models.DateTimeField()
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=60)
    target = models.TextField(blank=True, default="")
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["-at", "-id"], name="audit_by_time")]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"
