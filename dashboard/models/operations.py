"""Requests that change a store: plan, lifecycle, journal and log."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from dashboard.models.access import User
from dashboard.models.agents import Agent, Thread
from dashboard.models.sources import Source

MAIN_THREAD = "main"


class OperationKind(models.TextChoices):
    """What an operation does."""

    RESTORE = "restore", "Restore"
    FORK = "fork", "Fork"
    EDIT_FORK = "edit_fork", "Edit and fork"
    PRUNE = "prune", "Prune"
    VERIFY = "verify", "Verify"
    ERASE = "erase", "Erase"
    UNDO = "undo", "Undo"
    SWEEP = "sweep", "Sweep"


class OperationState(models.TextChoices):
    """Where an operation is on its way."""

    DRAFT = "draft", "Draft"
    PENDING_APPROVAL = "pending_approval", "Waits for approval"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    SUPERSEDED = "superseded", "Superseded"
    PARTIAL = "partial", "Done in part"
    FAILED = "failed", "Failed"
    REFUSED_STALE = "refused_stale", "Refused: the store has changed"
    CANCELLED = "cancelled", "Cancelled"
    NEEDS_ATTENTION = "needs_attention", "Needs attention"
    UNDOING = "undoing", "Being undone"
    UNDONE = "undone", "Undone"


OPEN_STATES = (OperationState.QUEUED, OperationState.RUNNING)
"""What a worker has yet to bring to an end."""
CAME_TO_NOTHING = (
    OperationState.FAILED,
    OperationState.REFUSED_STALE,
    OperationState.CANCELLED,
)
NOT_WHOLLY_UNDONE = (*CAME_TO_NOTHING, OperationState.PARTIAL, OperationState.SUPERSEDED)
"""How an undo ended that left something to be undone, so that another may be asked for."""
UNAPPROVED_STATES = (
    OperationState.DRAFT,
    OperationState.PENDING_APPROVAL,
    OperationState.CANCELLED,
)


class Operation(models.Model):
    """One request; the row is the truth, the message that starts a worker is only a hint.

    ``phase`` names the step of a running operation: checking, safety, applying, verifying.
    ``fence`` grows with each claim; a worker that holds an older one can change nothing.
    ``follow_live`` says that the operator accepts what a running agent saves until the operation
    is carried out: the plan then follows the head along its own line. ``plan`` is the plan of the
    operation's kind as JSON, ``plan_hash`` its digest; a draft can be confirmed until
    ``expires_at``. ``thread`` is empty where an operation reaches over several, and ``agent`` too
    where these are of several agents. Nobody has ``requested_by`` hand what a schedule or the sweep
    began. ``state_before_undo`` is where it goes back to when its undo
    comes to nothing.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=OperationKind.choices)
    state = models.CharField(
        max_length=20, choices=OperationState.choices, default=OperationState.QUEUED
    )
    phase = models.CharField(max_length=20, blank=True, default="")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="operations")
    agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.CASCADE, related_name="operations"
    )
    thread = models.ForeignKey(
        Thread, null=True, blank=True, on_delete=models.CASCADE, related_name="operations"
    )
    target_id = models.TextField(blank=True, default="")
    previous_head_id = models.TextField(blank=True, default="")
    requested_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="operations"
    )
    reason = models.TextField(blank=True, default="")
    plan = models.JSONField()
    plan_hash = models.CharField(max_length=64)
    follow_live = models.BooleanField(default=False)
    idempotency_key = models.CharField(max_length=64)
    approval_required = models.BooleanField(default=False)
    approved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    state_before_undo = models.CharField(max_length=20, blank=True, default="")
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
    expires_at = models.DateTimeField(null=True, blank=True)
    hinted_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    seen_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"], name="one_operation_per_click"
            ),
            models.UniqueConstraint(
                fields=["undo_of"],
                condition=~Q(state__in=[state.value for state in NOT_WHOLLY_UNDONE]),
                name="one_undo_that_may_be_whole",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("requested_by")),
                name="approved_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=Q(approval_required=False)
                | Q(approved_by__isnull=False)
                | Q(state__in=[state.value for state in UNAPPROVED_STATES]),
                name="nothing_runs_unapproved",
            ),
            models.CheckConstraint(
                condition=~Q(reason="") | Q(state="draft"), name="a_reason_unless_a_draft"
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

    @property
    def is_open(self) -> bool:
        """Whether a worker has yet to bring it to an end."""
        return self.state in OPEN_STATES

    @property
    def asked_by(self) -> str:
        """Who asked for it: a person, or the installation itself."""
        return self.requested_by.get_username() if self.requested_by else "Holdfast"

    @property
    def about(self) -> str:
        """What it acts on, in words: a thread of an agent, an agent, or a source."""
        if self.thread is not None and self.thread.thread_id != MAIN_THREAD:
            return f"{self.thread.agent.agent_id} / {self.thread.thread_id}"
        agent = self.thread.agent if self.thread is not None else self.agent
        return agent.agent_id if agent is not None else self.source.name


class OperationStep(models.Model):
    """A journalled step: its id and what it will write were chosen once, before it ran.

    ``thread`` is the one that it changes, where the operation reaches over several. ``result``
    says what came of it, ``failure`` why nothing did. Before ``begun_at`` it has touched nothing.
    """

    id = models.UUIDField(primary_key=True)
    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    action = models.TextField()
    thread = models.ForeignKey(
        Thread, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    written_ids = models.JSONField(default=list)
    result = models.JSONField(default=dict)
    failure = models.TextField(blank=True, default="")
    begun_at = models.DateTimeField(null=True, blank=True)
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


class TrashedBatch(models.Model):
    """What one prune moved to the trash out of one thread: trashed, due, then purged or back.

    It is due when its grace is over. A sweep that finds it due notes so in ``due_seen_at``; only a
    later sweep deletes it. ``checkpoint_ids`` are all that went.
    """

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="batches")
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="batches")
    checkpoint_ids = models.JSONField(default=list)
    stored_bytes = models.PositiveBigIntegerField(default=0)
    trashed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    due_seen_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)
    returned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operation", "thread"], name="one_batch_per_thread"),
            models.CheckConstraint(
                condition=Q(purged_at__isnull=True) | Q(returned_at__isnull=True),
                name="purged_or_returned",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="batches_in_trash",
                condition=Q(purged_at__isnull=True, returned_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{len(self.checkpoint_ids)} of {self.thread}"
