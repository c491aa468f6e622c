"""One checkpoint: its record, its place in the lineage, what may be done with it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from uuid import UUID

from dashboard.access import require
from dashboard.models import Checkpoint, Effect, Operation, Source, User
from dashboard.selectors.errors import NotFound, no_checkpoint
from dashboard.selectors.reports import effects_at
from dashboard.selectors.restorability import why_not_direct, why_not_restore

CHILDREN = 20
RESTORE_MARK = "holdfast_operation_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPage:
    """A checkpoint with its neighbours. ``restore_refused`` is empty when it may be restored.

    ``earlier`` and ``later`` are next to it in the timeline, which need not be its lineage.
    ``restored_by`` is the operation that wrote it, if a restore did that was asked for here.
    ``effects`` happened while it was the head. ``directive_refused`` is empty when its agent can
    be left the directive to restore it.
    """

    checkpoint: Checkpoint
    source: Source
    is_head: bool
    head: Checkpoint | None
    parent: Checkpoint | None
    restored_by: Operation | None
    children: tuple[Checkpoint, ...]
    earlier: Checkpoint | None
    later: Checkpoint | None
    effects: tuple[Effect, ...]
    restore_refused: str
    directive_refused: str
    cli: str
    sdk: str


def find_checkpoint(*, user: User, checkpoint_pk: int) -> Checkpoint:
    """Return a checkpoint's row with thread, agent and source. Raises NotFound."""
    require(user, "read")
    rows = Checkpoint.objects.select_related("thread__agent__source", "thread__head")
    found = rows.filter(pk=checkpoint_pk).first()
    if found is None:
        raise no_checkpoint()
    return found


def parent_of(row: Checkpoint) -> Checkpoint:
    """Return the row of a checkpoint's parent. Raises NotFound when there is none."""
    same = Checkpoint.objects.filter(thread=row.thread_id, namespace=row.namespace)
    found = same.filter(checkpoint_id=row.parent_id).first() if row.parent_id else None
    if found is None:
        raise NotFound(
            "This checkpoint has no parent in the index to be compared with. Select another one in "
            "the timeline."
        )
    return found


def checkpoint_page(*, user: User, checkpoint_pk: int) -> CheckpointPage:
    """Return a checkpoint's page, in a constant number of queries. Raises NotFound."""
    row = find_checkpoint(user=user, checkpoint_pk=checkpoint_pk)
    same = Checkpoint.objects.filter(thread=row.thread_id)
    relatives = same.filter(namespace=row.namespace)
    is_head = row.thread.head_id == row.pk
    return CheckpointPage(
        checkpoint=row,
        source=row.thread.agent.source,
        is_head=is_head,
        head=row.thread.head,
        parent=relatives.filter(checkpoint_id=row.parent_id).first() if row.parent_id else None,
        restored_by=_restored_by(row),
        children=tuple(
            relatives.filter(parent_id=row.checkpoint_id).order_by("created_at", "pk")[:CHILDREN]
        ),
        earlier=same.filter(created_at__lt=row.created_at).order_by("-created_at").first(),
        later=same.filter(created_at__gt=row.created_at).order_by("created_at").first(),
        effects=effects_at(row),
        restore_refused=why_not_restore(row, is_head=is_head),
        directive_refused=why_not_direct(row, is_head=is_head),
        cli=show_command(row),
        sdk=sdk_lines(row),
    )


def _restored_by(row: Checkpoint) -> Operation | None:
    """Find the operation by the mark that a restore leaves; anybody may have written the mark."""
    try:
        operation_id = UUID(str(row.metadata.get(RESTORE_MARK)))
    except ValueError:
        return None
    rows = Operation.objects.select_related("requested_by")
    return rows.filter(pk=operation_id, thread=row.thread_id).first()


def show_command(row: Checkpoint) -> str:
    """Return the command that shows the same checkpoint in a terminal."""
    return shlex.join(["holdfast", "show", row.thread.agent.source.url, row.checkpoint_id])


def diff_command(left: Checkpoint, right: Checkpoint) -> str:
    """Return the command that compares the same two checkpoints."""
    url = left.thread.agent.source.url
    return shlex.join(["holdfast", "diff", url, left.checkpoint_id, right.checkpoint_id])


def sdk_lines(row: Checkpoint) -> str:
    """Return the lines that read the same checkpoint in Python."""
    place = f"{row.checkpoint_id!r}, thread_id={row.thread.thread_id!r}"
    return "\n".join(
        (
            "import checkpoints",
            "",
            f"store = checkpoints.open_store({row.thread.agent.source.url!r})",
            f"checkpoint = store.get({place})",
            "state = store.load(checkpoint)",
        )
    )
