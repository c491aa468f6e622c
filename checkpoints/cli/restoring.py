"""The command that puts a thread back to an earlier checkpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer

from checkpoints.cli import output
from checkpoints.cli.books import Operated, TrashUrl, operated
from checkpoints.cli.exits import Exit, errors
from checkpoints.cli.opening import DryRun, Json, Url, Yes, confirm, print_result
from checkpoints.impact_reading import read_impact
from checkpoints.lineage import Restored, plan_restore, restorable, restore
from checkpoints.records import RestorePlan


def restore_checkpoint(
    url: Url,
    thread: Annotated[str, typer.Option(help="The thread to restore.")],
    checkpoint: Annotated[str, typer.Option(help="The checkpoint to go back to.")],
    reason: Annotated[str, typer.Option(help="Why; kept beside the restored head.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
    trash: TrashUrl = None,
) -> None:
    """Make an earlier checkpoint what the next run resumes from. What came later stays."""
    with operated(url, trash) as on:
        plan = plan_restore(on.store, on.store.get(checkpoint, thread_id=thread))
        impact = read_impact(on.store, plan)
        if not as_json:
            output.print_plan(plan)
            output.print_impact(impact)
        if dry_run:
            print_result(
                as_json,
                {"dry_run": True, "plan": plan.to_dict(), "impact": impact.to_dict()},
                "Nothing was changed.",
            )
        else:
            confirm(yes, "restore")
            operation_id = str(uuid4())
            done = restore_noted(on, plan, reason, operation_id)
            print_restored(plan, done, operation_id, as_json)


def restore_noted(on: Operated, plan: RestorePlan, reason: str, operation_id: str) -> Restored:
    """Carry a restore out, noted so that it can be undone."""
    now = datetime.now(UTC)
    note = {
        "kind": "restore",
        "reason": reason,
        "agent_id": plan.agent_id,
        "thread_id": plan.thread_id,
        "previous_head": plan.expected_head,
    }
    on.book.note(operation_id, 0, note, now)
    try:
        return restore(
            on.store,
            plan,
            written_ids=restorable(on.store).choose_ids(plan),
            operation_id=operation_id,
            reason=reason,
            now=now,
        )
    except Exception:
        on.book.forget(operation_id)
        raise


def print_restored(plan: RestorePlan, done: Restored, operation_id: str, as_json: bool) -> None:
    """Print how a restore ended. Raises typer.Exit when a live run has overtaken it."""
    result = {
        "dry_run": False,
        "operation_id": operation_id,
        "plan": plan.to_dict(),
        "previous_head": done.previous_head,
        "head": done.head.checkpoint_id,
        "superseded_by": done.superseded_by,
    }
    head = done.head.checkpoint_id
    sentence = f"Done. The head is {head}; operation {operation_id} can be undone."
    print_result(as_json, result, sentence)
    if done.superseded_by:
        errors.print(f"A live run has already written {output.shown(done.superseded_by)} over it.")
        raise typer.Exit(Exit.REFUSED)
