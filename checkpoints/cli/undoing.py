"""The command that takes back what another command did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import typer

from checkpoints.cli import output
from checkpoints.cli.books import Operated, TrashUrl, operated
from checkpoints.cli.exits import Exit, errors
from checkpoints.cli.opening import DryRun, Json, Url, Yes, confirm, print_result
from checkpoints.cli.options import Reason
from checkpoints.cli.restoring import print_restored, restore_noted
from checkpoints.errors import PlanRefused
from checkpoints.lineage import plan_restore, prunable
from checkpoints.records import JournalEntry

Operation = Annotated[str, typer.Argument(help="The id that the other command printed.")]


def undo(
    url: Url,
    operation: Operation,
    reason: Reason,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
    trash: TrashUrl = None,
) -> None:
    """Take back a restore or a prune that this command line did."""
    with operated(url, trash) as on:
        parts = on.book.parts(operation)
        kind = parts[0].data["kind"]
        if kind == "restore":
            _undo_restore(on, parts[0], reason, dry_run=dry_run, yes=yes, as_json=as_json)
        elif kind == "prune":
            _undo_prune(on, operation, parts, dry_run=dry_run, yes=yes, as_json=as_json)
        else:
            raise PlanRefused(
                f"a {kind} is not undone: holdfast erase deletes the thread that it began. "
                "Nothing was changed"
            )


def _undo_restore(
    on: Operated, part: JournalEntry, reason: str, *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    before = part.data["previous_head"]
    if before is None:
        raise PlanRefused("the thread had no head before this restore; nothing was changed")
    plan = plan_restore(on.store, on.store.get(before, thread_id=part.data["thread_id"]))
    if not as_json:
        output.print_plan(plan)
    if dry_run:
        result = {"dry_run": True, "plan": plan.to_dict()}
        print_result(as_json, result, "Nothing was changed.")
        return
    confirm(yes, "undo")
    by = str(uuid4())
    done = restore_noted(on, plan, reason, by)
    on.book.mark(part, undone_by=by, undone_at=datetime.now(UTC))
    print_restored(plan, done, by, as_json)


def _undo_prune(
    on: Operated,
    operation_id: str,
    parts: Sequence[JournalEntry],
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    count = sum(len(part.data["checkpoint_ids"]) for part in parts)
    if not as_json:
        output.console.print(f"{count} checkpoints of {len(parts)} threads come back.")
    if dry_run:
        names = [_named(part) for part in parts]
        print_result(as_json, {"dry_run": True, "threads": names}, "Nothing was changed.")
        return
    confirm(yes, "undo")
    by = str(uuid4())
    missing: dict[str, str] = {}
    for part in parts:
        missing |= _put_back(on, operation_id, part)
        on.book.mark(part, undone_by=by, undone_at=datetime.now(UTC))
    back = count - len(missing)
    result = {"dry_run": False, "operation_id": by, "returned": back, "missing": missing}
    print_result(as_json, result, f"Done. {back} checkpoints came back out of the trash.")
    if missing:
        for name, why in missing.items():
            errors.print(f"{output.shown(name)} did not come back: {output.shown(why)}")
        raise typer.Exit(Exit.FINDINGS)


def _put_back(on: Operated, operation_id: str, part: JournalEntry) -> dict[str, str]:
    return prunable(on.store).put_back(
        part.data["agent_id"],
        part.data["thread_id"],
        part.data["checkpoint_ids"],
        operation_id=operation_id,
        trash=on.trash,
    )


def _named(part: JournalEntry) -> dict[str, Any]:
    names = ("agent_id", "thread_id", "checkpoint_ids")
    return {name: part.data[name] for name in names}
