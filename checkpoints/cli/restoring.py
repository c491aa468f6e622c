"""The command that puts a thread back to an earlier checkpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer

from checkpoints.cli import output
from checkpoints.cli.exits import Exit, errors
from checkpoints.cli.opening import DryRun, Json, Url, Yes, confirm, opened, print_result
from checkpoints.lineage import plan_restore, restorable, restore
from checkpoints.records import RestorePlan
from checkpoints.stores.base import ReadableStore


def restore_checkpoint(
    url: Url,
    thread: Annotated[str, typer.Option(help="The thread to restore.")],
    checkpoint: Annotated[str, typer.Option(help="The checkpoint to go back to.")],
    reason: Annotated[str, typer.Option(help="Why; kept beside the restored head.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make an earlier checkpoint what the next run resumes from. What came later stays."""
    with opened(url) as store:
        plan = plan_restore(store, store.get(checkpoint, thread_id=thread))
        if not as_json:
            output.print_plan(plan)
        if dry_run:
            print_result(
                as_json,
                {"dry_run": True, "plan": plan.to_dict()},
                "Nothing was changed.",
            )
        else:
            confirm(yes, "restore")
            _carry_out(store, plan, reason, as_json)


def _carry_out(store: ReadableStore, plan: RestorePlan, reason: str, as_json: bool) -> None:
    operation_id = str(uuid4())
    done = restore(
        store,
        plan,
        written_ids=restorable(store).choose_ids(plan),
        operation_id=operation_id,
        reason=reason,
        now=datetime.now(UTC),
    )
    result = {
        "dry_run": False,
        "operation_id": operation_id,
        "plan": plan.to_dict(),
        "previous_head": done.previous_head,
        "head": done.head.checkpoint_id,
        "superseded_by": done.superseded_by,
    }
    print_result(as_json, result, f"Done. The head is {done.head.checkpoint_id}.")
    if done.superseded_by:
        errors.print(f"A live run has already written {output.shown(done.superseded_by)} over it.")
        raise typer.Exit(Exit.REFUSED)
