"""Requests of programs that may come more than once."""

from __future__ import annotations

from django.db import models

from dashboard.models.access import User


class RequestKey(models.Model):
    """An idempotency key, as its digest, and the digest of the request that it first came with.

    It belongs to that request for good: with another it is refused.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_request_per_key")]
