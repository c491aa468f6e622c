"""The command that deletes for good what has lain in the trash for long enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from checkpoints.cli.books import Operated, TrashUrl, operated
from checkpoints.cli.opening import DryRun, Json, Url, Yes, confirm, print_result
from checkpoints.cli.options import age_of
from checkpoints.cli.output import size
from checkpoints.lineage import prunable
from checkpoints.records import JournalEntry
from checkpoints.stores.base import Store

SHORTEST: Final = timedelta(hours=24)
"""How long everything lies in the trash at least, whatever is asked for."""

Before = Annotated[
    str, typer.Option("--before", metavar="AGE", help="Delete what went longer ago, such as 7d.")
]


def sweep(
    url: Url,
    before: Before = "7d",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
    trash: TrashUrl = None,
) -> None:
    """Delete for good what went to the trash long enough ago. No undo."""
    age = age_of(before)
    if age < SHORTEST:
        raise typer.BadParameter(
            "what was removed lies in the trash for 24 hours at least; nothing was deleted",
            param_hint="--before",
        )
    with operated(url, trash) as on:
        prunable(on.store)
        limit = datetime.now(UTC) - age
        if dry_run:
            _print_due(on, limit, as_json)
            return
        confirm(yes, "sweep")
        freed = _swept(on, limit)
    print_result(as_json, {"freed_bytes": freed}, f"Done. {size(freed)} were freed.")


def _swept(on: Operated, limit: datetime) -> int:
    if isinstance(on.store, Store):
        return on.store.sweep(before=limit)
    freed = 0
    for part in _old(on, limit):
        freed += _purged(on, part)
        on.book.mark(part, swept=True)
    return freed


def _purged(on: Operated, part: JournalEntry) -> int:
    return prunable(on.store).purge(
        part.data["agent_id"],
        part.data["thread_id"],
        part.data["checkpoint_ids"],
        operation_id=part.key.partition("/")[0],
        trash=on.trash,
    )


def _old(on: Operated, limit: datetime) -> Sequence[JournalEntry]:
    """Return the prunes of another framework's store that are old enough and were not undone."""
    return [
        part
        for part in on.book.all()
        if part.data["kind"] == "prune"
        and part.recorded_at < limit
        and not part.data.get("undone_by")
        and not part.data.get("swept")
    ]


def _print_due(on: Operated, limit: datetime, as_json: bool) -> None:
    if isinstance(on.store, Store):
        count = _due(on.store, limit)
    else:
        count = sum(len(part.data["checkpoint_ids"]) for part in _old(on, limit))
    result = {"dry_run": True, "checkpoints": count}
    print_result(as_json, result, f"{count} checkpoints would be deleted. Nothing was changed.")


def _due(store: Store, limit: datetime) -> int:
    """Count what lies in a store's own trash for long enough."""
    removed: dict[tuple[str, str, str], datetime] = {}
    cursor: str | None = None
    complete = False
    while not complete:
        page = store.changes(cursor)
        removed |= {(r.agent_id, r.thread_id, r.checkpoint_id): r.removed_at for r in page.removals}
        complete = page.complete or page.cursor == cursor
        cursor = page.cursor
    threads = {(agent, thread) for agent, thread, _ in removed}
    lying = {
        (*thread, name)
        for thread in threads
        for name in prunable(store).trashed(*thread, operation_id="")
    }
    return sum(at < limit for name, at in removed.items() if name in lying)
