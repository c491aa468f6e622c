"""One checkpoint: its record, its place in the lineage, what may be done with it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from uuid import UUID

from dashboard.access import visible
from dashboard.models import Checkpoint, Effect, Operation, Source, User
from dashboard.selectors.errors import NotFound, no_checkpoint
from dashboard.selectors.findings import FoundPlace, findings_naming
from dashboard.selectors.reports import effects_at
from dashboard.selectors.restorability import (
    why_not_direct,
    why_not_fork,
    why_not_restore,
    why_source_cannot,
)
from dashboard.selectors.rights import why_not

CHILDREN = 20
PROJECT = "thread__agent__source__project"
RESTORE_MARK = "holdfast_operation_id"
FORK_MARK = "forked_from"
RESTORED_FROM = "restored_from"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPage:
    """A checkpoint with its neighbours. ``restore_refused`` is empty when it may be restored.

    ``earlier`` and ``later`` are next to it in the timeline, which need not be its lineage.
    ``restored_by`` is the operation that wrote it, if a restore or a fork did that was asked for
    here; ``forked_from`` what a fork copied.
    ``effects`` happened while it was the head. ``directive_refused`` is empty when its agent can
    be left the directive to restore it, ``fork_refused`` when a thread can begin at it, and
    ``role_refused`` when the person may operate its project at all, ``erase_refused`` when they
    may erase in its source.
    """

    checkpoint: Checkpoint
    source: Source
    is_head: bool
    head: Checkpoint | None
    parent: Checkpoint | None
    restored_by: Operation | None
    forked_from: Checkpoint | None
    children: tuple[Checkpoint, ...]
    earlier: Checkpoint | None
    later: Checkpoint | None
    effects: tuple[Effect, ...]
    findings: tuple[FoundPlace, ...]
    restore_refused: str
    directive_refused: str
    fork_refused: str
    role_refused: str
    erase_refused: str
    cli: str
    sdk: str


def find_checkpoint(*, user: User, checkpoint_pk: int) -> Checkpoint:
    """Return a checkpoint's row with thread, agent and source. Raises NotFound."""
    rows = visible(user, Checkpoint.objects.filter(pk=checkpoint_pk), PROJECT)
    found = rows.select_related("thread__agent__source", "thread__head").first()
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
    source = row.thread.agent.source
    return CheckpointPage(
        checkpoint=row,
        source=source,
        is_head=is_head,
        head=row.thread.head,
        parent=relatives.filter(checkpoint_id=row.parent_id).first() if row.parent_id else None,
        restored_by=_written_by(row),
        forked_from=_origin(row),
        children=tuple(
            relatives.filter(parent_id=row.checkpoint_id).order_by("created_at", "pk")[:CHILDREN]
        ),
        earlier=same.filter(created_at__lt=row.created_at).order_by("-created_at").first(),
        later=same.filter(created_at__gt=row.created_at).order_by("created_at").first(),
        effects=effects_at(row),
        findings=findings_naming(row),
        restore_refused=why_not_restore(row, is_head=is_head),
        directive_refused=why_not_direct(row, is_head=is_head),
        fork_refused=why_not_fork(row),
        role_refused=why_not(user, "operate", source.project),
        erase_refused=why_source_cannot(source, "erase") or why_not(user, "admin", source.project),
        cli=show_command(row),
        sdk=sdk_lines(row),
    )


def _written_by(row: Checkpoint) -> Operation | None:
    """Find the operation by the mark that a restore or a fork leaves; anybody may have left one.

    A fork's operation is of the thread that it came from.
    """
    origin = None if RESTORED_FROM in row.metadata else row.metadata.get(FORK_MARK)
    named = origin.get("operation_id") if isinstance(origin, dict) else None
    try:
        operation_id = UUID(str(named or row.metadata.get(RESTORE_MARK)))
    except ValueError:
        return None
    rows = Operation.objects.select_related("requested_by").defer("plan", "result")
    place = {"source": row.thread.agent.source_id} if origin else {"thread": row.thread_id}
    return rows.filter(pk=operation_id, **place).first()


def _origin(row: Checkpoint) -> Checkpoint | None:
    """Return the row that a fork's first checkpoint was copied from."""
    mark = row.metadata.get(FORK_MARK)
    if not mark or RESTORED_FROM in row.metadata:
        return None
    name = mark.get("checkpoint_id") if isinstance(mark, dict) else mark
    same = Checkpoint.objects.filter(thread__agent__source=row.thread.agent.source_id)
    found = same.filter(checkpoint_id=str(name)).exclude(pk=row.pk)
    return found.select_related("thread__agent").first()


def show_command(row: Checkpoint) -> str:
    """Return the command that shows the same checkpoint in a terminal."""
    return shlex.join(["holdfast", "show", row.thread.agent.source.url, row.checkpoint_id])


def fork_command(row: Checkpoint) -> str:
    """Return the command that forks the same checkpoint in a terminal."""
    words = ["holdfast", "fork", row.thread.agent.source.url, "--thread", row.thread.thread_id]
    return shlex.join([*words, "--checkpoint", row.checkpoint_id, "--as", "NEW", "--reason", "WHY"])


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
