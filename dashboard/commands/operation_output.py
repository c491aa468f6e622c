"""How operations are shown in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from checkpoints.cli import output

if TYPE_CHECKING:
    from dashboard.models import Operation
    from dashboard.services.orders import PlanEntry, ShownOperation

ENTRIES_AT_ONCE = 1000


def print_rows(rows: Iterable[Operation], *, as_json: bool) -> None:
    """Print operations, one line each."""
    if as_json:
        from dashboard.api.operation_schemas import OperationItemOut

        output.print_json([_json(OperationItemOut, row) for row in rows])
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("operation", no_wrap=True, min_width=36)
    for name in ("kind", "state", "about", "asked by", "reason"):
        table.add_column(name, overflow="fold")
    table.add_column("asked", no_wrap=True)
    for row in rows:
        cells = (row.pk, row.kind, row.state, row.about, row.asked_by, row.reason)
        table.add_row(*map(output.shown, cells), f"{row.created_at:%Y-%m-%d %H:%M:%S}")
    output.console.print(table)


def print_operation(operation: Operation, *, as_json: bool, is_kept: bool = True) -> None:
    """Print an operation: its plan summed up, its log, and what came of it."""
    from dashboard.services import orders

    shown = orders.shown(operation, is_kept=is_kept)
    if as_json:
        from dashboard.api.answers import operation_answer
        from dashboard.api.operation_schemas import OperationOut

        output.print_json(_json(OperationOut, operation_answer(shown)))
        return
    for name, value in _fields(shown):
        output.console.print(f"{name:<10}{output.shown(value)}", highlight=False)
    for line in shown.log:
        said = f"{line.at:%Y-%m-%d %H:%M:%S}  {output.shown(line.message)}"
        output.console.print(said, highlight=False)


def print_plan(operation: Operation, *, as_json: bool) -> None:
    """Print what an operation does with each checkpoint, and why. Raises OperationRefused."""
    entries = _entries(operation)
    if as_json:
        output.print_json([entry._asdict() for entry in entries])
        return
    for entry in entries:
        place = f"{entry.agent_id} / {entry.thread_id}  {entry.checkpoint_id}"
        said = f"{entry.action:<9}{output.shown(place)}  {output.shown(entry.reason)}"
        output.console.print(said.rstrip(), highlight=False)


def _entries(operation: Operation) -> Iterator[PlanEntry]:
    from dashboard.services import orders

    after: int | None = 0
    while after is not None:
        page = orders.plan_page(operation, after=after, limit=ENTRIES_AT_ONCE)
        yield from page.entries
        after = page.next_after


def _fields(shown: ShownOperation) -> Iterator[tuple[str, str]]:
    row = shown.operation
    yield "Operation", str(row.pk) if shown.is_kept else "– (tried only; nothing was kept)"
    yield "What", f"{row.get_kind_display()} of {row.about}"
    yield "State", row.get_state_display()
    yield "Asked by", f"{row.asked_by}: {row.reason}" if row.reason else row.asked_by
    yield "Plan", shown.plan_damage or _summed(shown.counts)
    yield "Plan hash", row.plan_hash
    if shown.name_to_type:
        yield "To confirm", f"type {shown.name_to_type}"
    if row.expires_at is not None:
        yield "Until", f"{row.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    if row.message:
        yield "Outcome", row.message


def _summed(counts: Mapping[str, int]) -> str:
    said = (f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())
    return ", ".join(said) or "–"


def _json(schema: Any, value: Any) -> Any:
    return schema.model_validate(value).model_dump(mode="json")
