"""Who is told what, through what: channels, their rules, and what was told."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from dashboard.models.access import Project, User
from dashboard.models.agents import Agent

PER_HOUR = 20
MOST_PER_HOUR = 600
MINUTES_OF_DAY = 24 * 60


class ChannelKind(models.TextChoices):
    """By what a channel's messages go out."""

    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"
    SERVICE = "service", "Service"


class Severity(models.TextChoices):
    """How much something matters."""

    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class NotificationChannel(models.Model):
    """Where messages about a project go.

    ``target`` holds the address and its secret, sealed; ``shown`` is what people may see of it.
    Before ``next_message_at`` no further message is put together: what happens until then is
    bundled. ``broken_since`` is when it began to take nothing.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="channels")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=ChannelKind.choices)
    target = models.BinaryField()
    shown = models.CharField(max_length=300)
    per_hour = models.PositiveSmallIntegerField(default=PER_HOUR)
    paused_at = models.DateTimeField(null=True, blank=True)
    next_message_at = models.DateTimeField()
    last_delivered_at = models.DateTimeField(null=True, blank=True)
    broken_since = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_channel_of_a_name"),
            models.CheckConstraint(
                condition=Q(per_hour__gte=1, per_hour__lte=MOST_PER_HOUR),
                name="a_channel_has_a_limit",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class NotificationRule(models.Model):
    """What a channel is told of: without ``kinds`` of any, with ``agents`` of those it matches.

    Quiet hours go from one minute of the day to another in ``time_zone``; what happens within
    waits, but for what is of high severity where ``high_passes``.
    """

    channel = models.ForeignKey(NotificationChannel, on_delete=models.CASCADE, related_name="rules")
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.LOW.value)
    kinds = models.JSONField(default=list, blank=True)
    agents = models.CharField(max_length=200, blank=True, default="")
    quiet_from = models.PositiveSmallIntegerField(null=True, blank=True)
    quiet_until = models.PositiveSmallIntegerField(null=True, blank=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    high_passes = models.BooleanField(default=True)
    remind_hours = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__lt=MINUTES_OF_DAY, quiet_until__lt=MINUTES_OF_DAY),
                name="quiet_hours_have_both_ends",
            ),
            models.CheckConstraint(
                condition=Q(remind_hours__isnull=True) | Q(remind_hours__gte=1),
                name="reminders_have_a_rhythm",
            ),
        ]

    def __str__(self) -> str:
        return f"rule {self.pk} of {self.channel}"


class Notice(models.Model):
    """What a channel is to be told of one subject, however often something happens to it.

    While ``due_at`` is set there is something to tell; with ``held`` it waits for the end of the
    quiet hours. ``told_at`` is when a message last took it up, ``told_severity`` and
    ``told_kind`` what that said. ``settled_at``: it is acknowledged or over.
    """

    channel = models.ForeignKey(
        NotificationChannel, on_delete=models.CASCADE, related_name="notices"
    )
    rule = models.ForeignKey(
        NotificationRule, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    key = models.CharField(max_length=100)
    agent = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    agent_name = models.TextField(blank=True, default="")
    kind = models.CharField(max_length=60)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    title = models.TextField()
    text = models.TextField(blank=True, default="")
    path = models.TextField()
    since = models.DateTimeField()
    changed_at = models.DateTimeField()
    happened = models.PositiveIntegerField(default=1)
    due_at = models.DateTimeField(null=True)
    held = models.BooleanField(default=False)
    told_at = models.DateTimeField(null=True)
    told_severity = models.CharField(max_length=10, blank=True, default="")
    told_kind = models.CharField(max_length=60, blank=True, default="")
    remind_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "key"], name="one_notice_of_a_subject")
        ]
        indexes = [
            models.Index(fields=["key"], name="notices_of_a_subject"),
            models.Index(
                fields=["channel", "due_at"], name="notices_due", condition=Q(due_at__isnull=False)
            ),
            models.Index(
                fields=["channel", "remind_at"],
                name="notices_to_remind_of",
                condition=Q(remind_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class MessageState(models.TextChoices):
    """How far a message is."""

    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    GIVEN_UP = "given_up", "Given up"


class MessageKind(models.TextChoices):
    """Why a message is sent."""

    NEWS = "news", "News"
    DIGEST = "digest", "After quiet hours"
    REMINDER = "reminder", "Reminder"
    TEST = "test", "Test"


class NotificationMessage(models.Model):
    """One message, written once and sent until it is taken: each time with the same id and words.

    ``items`` are the subjects that it names, ``more`` counts those beyond. ``lease_until`` is when
    another worker may send it; ``reason`` says why it was given up.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.ForeignKey(
        NotificationChannel, on_delete=models.CASCADE, related_name="messages"
    )
    kind = models.CharField(max_length=10, choices=MessageKind.choices)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    title = models.TextField()
    items = models.JSONField(default=list)
    more = models.PositiveIntegerField(default=0)
    state = models.CharField(
        max_length=10, choices=MessageState.choices, default=MessageState.WAITING.value
    )
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField(null=True)
    hinted_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, default="")
    asked_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["next_try_at"], name="messages_due", condition=Q(state="waiting")),
            models.Index(fields=["channel", "-created_at"], name="messages_of_a_channel"),
            models.Index(fields=["-created_at", "-id"], name="messages_latest"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"


class AttemptOutcome(models.TextChoices):
    """What came of one attempt; ``unknown``: whoever sent it did not come back."""

    BEGUN = "begun", "Under way"
    TAKEN = "taken", "Taken"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Not known"


class DeliveryAttempt(models.Model):
    """One attempt to deliver a message, written down before it is made."""

    message = models.ForeignKey(NotificationMessage, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveSmallIntegerField()
    begun_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField(null=True)
    outcome = models.CharField(
        max_length=10, choices=AttemptOutcome.choices, default=AttemptOutcome.BEGUN.value
    )
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True, default="")
    next_try_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "number"], name="attempts_are_counted")
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.message_id}"
