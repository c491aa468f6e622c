"""How much of what was stored when: samples of the index's counters and of the stores themselves.

A sample stands for an hour or for a day, both counted in UTC, so that no change of a clock makes
one of them longer. That of a day is written anew in each hour: it holds the day's last numbers. An
hour without a row of its source was not looked at; it is a gap, not a zero.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from dashboard.models.access import Project, User
from dashboard.models.agents import Agent, Thread
from dashboard.models.retention import exactly_one
from dashboard.models.sources import Source


class Grain(models.TextChoices):
    """What a sample stands for."""

    HOUR = "hour", "Hour"
    DAY = "day", "Day"


class StorageSample(models.Model):
    """What there was of something. ``at`` is when its hour or day began, ``sampled_at`` when."""

    grain = models.CharField(max_length=4, choices=Grain.choices)
    at = models.DateTimeField()
    sampled_at = models.DateTimeField()
    checkpoint_count = models.PositiveBigIntegerField()
    stored_bytes = models.PositiveBigIntegerField()

    class Meta:
        abstract = True


class SourceSample(StorageSample):
    """What a source held.

    ``plain_bytes`` is what the states would take before compression, ``packed_bytes`` what the
    same ones take in the store; both are of those threads whose states have been measured.
    ``whole_bytes`` is the store with all its files, as it was last measured.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="samples")
    plain_bytes = models.PositiveBigIntegerField(null=True)
    packed_bytes = models.PositiveBigIntegerField(null=True)
    whole_bytes = models.PositiveBigIntegerField(null=True)
    orphaned_bytes = models.PositiveBigIntegerField(null=True)
    free_bytes = models.PositiveBigIntegerField(null=True)
    trashed_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "grain", "at"], name="one_sample_of_a_source")
        ]
        indexes = [models.Index(fields=["grain", "at"], name="source_samples_by_time")]


class AgentSample(StorageSample):
    """What an agent held."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="samples")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent", "grain", "at"], name="one_sample_of_an_agent")
        ]
        indexes = [models.Index(fields=["grain", "at"], name="agent_samples_by_time")]


class ThreadSample(StorageSample):
    """What a thread held; written only where that is not what its last sample says."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="samples")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thread", "grain", "at"], name="one_sample_of_a_thread")
        ]
        indexes = [models.Index(fields=["grain", "at"], name="thread_samples_by_time")]


class FieldSample(models.Model):
    """What a field of a thread took until it was measured again; ``None`` is its last measure.

    ``written_by`` is the step that wrote it (in LangGraph the node), empty where none is told.
    ``size`` is before compression.
    """

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="field_samples")
    field = models.TextField()
    written_by = models.TextField(blank=True, default="")
    checkpoint_count = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField()
    stored_size = models.PositiveBigIntegerField(null=True)
    sampled_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["thread", "field", "written_by", "sampled_at"],
                name="one_sample_of_a_field",
            )
        ]
        indexes = [
            models.Index(
                fields=["thread"], name="field_samples_latest", condition=Q(replaced_at=None)
            ),
            models.Index(fields=["replaced_at"], name="field_samples_by_end"),
        ]


class SourceStorage(models.Model):
    """What measuring a source's store came to, and when it is measured again.

    ``lease_until`` is when another worker may go on, if the one that is at it never came back.
    """

    source = models.OneToOneField(
        Source, on_delete=models.CASCADE, primary_key=True, related_name="storage"
    )
    next_at = models.DateTimeField()
    hinted_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    measured_at = models.DateTimeField(null=True)
    message = models.TextField(blank=True, default="")
    whole_bytes = models.PositiveBigIntegerField(null=True)
    orphaned_bytes = models.PositiveBigIntegerField(null=True)
    free_bytes = models.PositiveBigIntegerField(null=True)


class ThreadStorage(models.Model):
    """What a thread's last sample and its last measure say, and what its policy would free.

    ``measured_count`` and ``measured_stored`` are what it held when it was measured: where they
    are what it holds now, nothing changed. Of ``unsized_count`` checkpoints one of the sizes is
    not known; the others take ``plain_bytes`` before compression, ``packed_bytes`` after.
    ``planned_rules`` are those of the policy by which the estimate was made.
    """

    thread = models.OneToOneField(
        Thread, on_delete=models.CASCADE, primary_key=True, related_name="storage"
    )
    checkpoint_count = models.PositiveBigIntegerField()
    stored_bytes = models.PositiveBigIntegerField()
    measured_at = models.DateTimeField(null=True)
    measured_count = models.PositiveBigIntegerField(null=True)
    measured_stored = models.PositiveBigIntegerField(null=True)
    message = models.TextField(blank=True, default="")
    plain_bytes = models.PositiveBigIntegerField(null=True)
    packed_bytes = models.PositiveBigIntegerField(null=True)
    unsized_count = models.PositiveBigIntegerField(null=True)
    planned_at = models.DateTimeField(null=True)
    planned_rules = models.JSONField(null=True)
    freed_bytes = models.PositiveBigIntegerField(null=True)
    freed_count = models.PositiveBigIntegerField(null=True)
    plan_message = models.TextField(blank=True, default="")


class StorageQuota(models.Model):
    """How many bytes a project or a source is meant to take at most; nothing enforces it."""

    project = models.OneToOneField(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="quota"
    )
    source = models.OneToOneField(
        Source, null=True, blank=True, on_delete=models.CASCADE, related_name="quota"
    )
    bytes = models.PositiveBigIntegerField()
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one("project", "source"), name="a_quota_has_one_target"
            ),
            models.CheckConstraint(condition=Q(bytes__gte=1), name="a_quota_is_something"),
        ]
