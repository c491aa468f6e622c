"""What a restore would do, before anybody asks for it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime

import checkpoints
from checkpoints.connectors.marks import FORKED_FROM, OPERATION
from checkpoints.presentation import summarised
from dashboard import access
from dashboard.models import Checkpoint, Thread, User
from dashboard.services.operations.errors import OperationRefused
from dashboard.services.operations.liveliness import looks_alive
from dashboard.services.operations.opening import open_restorable, plan_restore
from dashboard.services.operations.seen_plans import Seen, SeenPlan

SAVES_LOOKED_AT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePreview:
    """Everything that the confirm page shows. ``refused`` says why it must not be confirmed.

    ``plan_token`` is handed back to ``request_restore``; it, ``plan`` and ``plan_hash`` are empty
    when the restore is refused. ``head`` is the index's row of the head that the plan expects.
    """

    checkpoint: Checkpoint
    head: Checkpoint | None
    agent_looks_alive: bool
    cli: str
    plan: checkpoints.RestorePlan | None = None
    plan_hash: str = ""
    plan_token: str = ""
    expires_at: datetime | None = None
    refused: str | None = None

    @property
    def becomes_branch(self) -> tuple[str, ...]:
        """The ids that leave the head's lineage, newest first."""
        return self.plan.superseded if self.plan else ()

    @property
    def rerun_steps(self) -> tuple[str, ...]:
        """The steps that the next run takes again."""
        return self.plan.rerun_steps if self.plan else ()

    @property
    def rerun_summary(self) -> str:
        """The steps that the next run takes again, in few words."""
        return summarised(self.rerun_steps)

    @property
    def fenced(self) -> bool:
        """Whether the store refuses the next save of a run that does not know of the restore."""
        return self.plan is not None and self.plan.mode is checkpoints.RestoreMode.MOVE_HEAD

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the store itself warns of."""
        return self.plan.warnings if self.plan else ()


def preview_restore(*, user: User, checkpoint_pk: int, now: datetime) -> RestorePreview:
    """Derive a restore's plan from the live store. Raises Checkpoint.DoesNotExist."""
    row = find_checkpoint(checkpoint_pk)
    access.require(user, "operate", row.thread.agent.source.project)
    try:
        with open_restorable(row.thread.agent.source) as store:
            plan = plan_of(row, store)
    except (OperationRefused, checkpoints.CheckpointError) as error:
        return _refused(row, str(error), now)
    seen = SeenPlan.of(plan, now)
    return RestorePreview(
        checkpoint=row,
        head=_row(row.thread, plan.expected_head),
        agent_looks_alive=_looks_alive(row.thread, now),
        cli=_command_line(row),
        plan=plan,
        plan_hash=seen.plan_hash,
        plan_token=seen.token(Seen(checkpoint_pk=row.pk, user_pk=user.pk)),
        expires_at=seen.expires_at,
    )


def find_checkpoint(checkpoint_pk: int) -> Checkpoint:
    """Return a row with its thread, agent and source. Raises Checkpoint.DoesNotExist."""
    return Checkpoint.objects.select_related("thread__agent__source__project").get(pk=checkpoint_pk)


def plan_of(row: Checkpoint, store: checkpoints.RestorableStore) -> checkpoints.RestorePlan:
    """Return the plan for a row's checkpoint.

    Raises OperationRefused or CheckpointError when there can be none; CorruptCheckpoint also when
    the store holds another content than the index has known.
    """
    if row.removed_at is not None:
        raise OperationRefused(f"{row.checkpoint_id} was removed: {row.removed_reason}")
    plan = plan_restore(
        store,
        thread_id=row.thread.thread_id,
        namespace=row.namespace,
        checkpoint_id=row.checkpoint_id,
    )
    if row.sha256 and plan.targets[0].sha256 not in (None, row.sha256):
        raise checkpoints.CorruptCheckpoint(
            f"{row.checkpoint_id} was altered in its store since it was first seen",
            checkpoint_id=row.checkpoint_id,
        )
    return plan


def _refused(row: Checkpoint, reason: str, now: datetime) -> RestorePreview:
    return RestorePreview(
        checkpoint=row,
        head=row.thread.head,
        agent_looks_alive=_looks_alive(row.thread, now),
        cli=_command_line(row),
        refused=reason,
    )


def _row(thread: Thread, checkpoint_id: str | None) -> Checkpoint | None:
    return thread.checkpoints.filter(checkpoint_id=checkpoint_id, namespace="").first()


def _looks_alive(thread: Thread, now: datetime) -> bool:
    """Look at the agent's own saves; what restores and forks wrote says nothing about it."""
    own = thread.checkpoints.exclude(metadata__has_any_keys=[OPERATION, FORKED_FROM])
    own = own.order_by("-created_at", "-id")
    saved_at = own.values_list("created_at", flat=True)[:SAVES_LOOKED_AT]
    return looks_alive(list(saved_at), now)


def _command_line(row: Checkpoint) -> str:
    words = ["holdfast", "restore", row.thread.agent.source.url]
    words += ["--thread", row.thread.thread_id, "--checkpoint", row.checkpoint_id]
    return f"{shlex.join(words)} --reason REASON"
