"""The command that begins a new thread at a checkpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer

from checkpoints.cli import output
from checkpoints.cli.books import Operated, TrashUrl, operated
from checkpoints.cli.opening import DryRun, Json, Url, Yes, confirm, print_result
from checkpoints.cli.options import Reason, edits_of
from checkpoints.lineage import forkable, plan_fork
from checkpoints.plans import ForkPlan


def fork_checkpoint(  # noqa: PLR0913, PLR0917 - each is an option
    url: Url,
    thread: Annotated[str, typer.Option(help="The thread to fork; it stays as it is.")],
    checkpoint: Annotated[str, typer.Option(help="The checkpoint that the new thread begins at.")],
    new: Annotated[str, typer.Option("--as", help="The name of the new thread.")],
    reason: Reason,
    assigned: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=JSON", help="Change a value: 'plan.0=\"search\"'."),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="PATH", help="Take a value away.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
    trash: TrashUrl = None,
) -> None:
    """Begin a new thread at a checkpoint, edited where that is asked for."""
    with operated(url, trash) as on:
        record = on.store.get(checkpoint, thread_id=thread)
        state = on.store.load(record) if assigned or unset else {}
        edits = edits_of(state, assigned or (), unset or ())
        plan = plan_fork(on.store, record, thread_id=new, edits=edits)
        if not as_json:
            output.print_fork(plan)
        if dry_run:
            result = {"dry_run": True, "plan": plan.to_dict()}
            print_result(as_json, result, "Nothing was changed.")
        else:
            confirm(yes, "fork")
            _carry_out(on, plan, reason, as_json)


def _carry_out(on: Operated, plan: ForkPlan, reason: str, as_json: bool) -> None:
    operation_id, now = str(uuid4()), datetime.now(UTC)
    forking = forkable(on.store)
    ids = forking.choose_fork_ids(plan)
    names = {"agent_id": plan.new_agent_id, "thread_id": plan.new_thread_id}
    on.book.note(operation_id, 0, {"kind": "fork", "reason": reason, **names}, now)
    try:
        head = forking.fork(
            plan, written_ids=ids, operation_id=operation_id, reason=reason, now=now
        )
    except Exception:
        on.book.forget(operation_id)
        raise
    result = {
        "dry_run": False,
        "operation_id": operation_id,
        "plan": plan.to_dict(),
        "head": head.checkpoint_id,
    }
    sentence = f"Done. Thread {plan.new_thread_id} begins at {head.checkpoint_id}."
    print_result(as_json, result, sentence)
