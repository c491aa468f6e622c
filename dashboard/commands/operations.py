"""Operations of a dashboard, by who owns its machine: looked at, ordered, confirmed and undone.

They take the same way as from a page or through the API, and the dashboard's worker carries them
out. ``holdfast restore`` and the like act on a store at once and leave no operation here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from checkpoints.cli.opening import Json, Yes
from checkpoints.cli.opening import confirm as ask
from dashboard.commands.acting import As, Asker, asking
from dashboard.commands.operation_output import print_operation, print_plan, print_rows
from dashboard.commands.setting_up import DataDir

if TYPE_CHECKING:
    from dashboard.models import Operation
    from dashboard.services.orders import Placed, Terms

commands = typer.Typer(
    help="Operations of the dashboard on this machine: what was asked for, and what came of it.",
    no_args_is_help=True,
)
Id = Annotated[UUID, typer.Argument(metavar="ID", help="The operation's id.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the operation and in the audit log.")]
Hash = Annotated[
    str, typer.Option(metavar="HASH", help="Only this plan; without it you are shown it and asked.")
]
Typed = Annotated[
    str, typer.Option(metavar="NAME", help="What to type to confirm more than 10 removals.")
]
File = Annotated[
    typer.FileText, typer.Argument(metavar="FILE", help="The order as JSON; - is stdin.")
]
Key = Annotated[
    str, typer.Option(metavar="KEY", help="The same key and order again is the same operation.")
]
ToDraft = Annotated[bool, typer.Option("--dry-run", help="Keep a draft; change nothing.")]
OnlySay = Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")]
InState = Annotated[str, typer.Option(help="Only those in a state, such as queued.")]
OfKind = Annotated[str, typer.Option(help="Only those of a kind, such as restore.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="Only the newest N.")]
WithPlan = Annotated[bool, typer.Option("--plan", help="Its plan instead, entry by entry.")]


@commands.command("list")
def list_operations(
    state: InState = "",
    kind: OfKind = "",
    limit: Limit = 50,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """List operations, newest first."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors import operation_lists

        wanted = operation_lists.OperationsWanted(state=state, kind=kind)
        page = operation_lists.list_operations(user=asker.user, wanted=wanted, size=limit)
        print_rows(page.rows, as_json=as_json)


@commands.command("show")
def show(
    operation_id: Id,
    plan: WithPlan = False,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Show an operation: its plan summed up, its log, and what came of it."""
    with asking(name, data_dir) as asker:
        found = _find(asker, operation_id)
        printed = print_plan if plan else print_operation
        printed(found, as_json=as_json)


@commands.command("order")
def order(
    file: File,
    dry_run: ToDraft = False,
    key: Key = "",
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Order an operation, or try it. The order is written as for POST /api/v1/operations.

    With --dry-run a draft is kept, which `holdfast operations confirm` asks for within 15 minutes.
    """
    with asking(name, data_dir) as asker:
        placed = _place(asker, file.read(), key, dry_run=dry_run)
        print_operation(placed.operation, as_json=as_json, is_kept=placed.is_kept)


@commands.command("confirm")
def confirm(
    operation_id: Id,
    reason: Reason,
    plan_hash: Hash = "",
    typed: Typed = "",
    yes: Yes = False,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Ask for what a draft shows; the dashboard's worker carries it out."""
    with asking(name, data_dir) as asker:
        from dashboard.services import operations

        confirmed = operations.confirm(
            user=asker.user,
            operation_id=operation_id,
            plan_hash=plan_hash or _seen(asker, operation_id, "confirm", yes=yes),
            reason=reason,
            typed=typed,
            now=asker.now,
        )
        print_operation(confirmed, as_json=as_json)


@commands.command("approve")
def approve(
    operation_id: Id,
    plan_hash: Hash = "",
    yes: Yes = False,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Let a request of somebody else run, where its project asks for a second person."""
    with asking(name, data_dir) as asker:
        from dashboard.services import operations

        approved = operations.approve(
            user=asker.user,
            operation_id=operation_id,
            plan_hash=plan_hash or _seen(asker, operation_id, "approve", yes=yes),
            now=asker.now,
        )
        print_operation(approved, as_json=as_json)


@commands.command("undo")
def undo(
    operation_id: Id,
    reason: Annotated[str, typer.Option(help="Why; needed unless it is a dry run.")] = "",
    dry_run: OnlySay = False,
    plan_hash: Hash = "",
    yes: Yes = False,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Take back what an operation did. It shows the operation that does so."""
    with asking(name, data_dir) as asker:
        from dashboard.services.orders import Terms

        tried = (
            _undo(asker, operation_id, Terms(dry_run=True)) if dry_run or not plan_hash else None
        )
        if tried is not None and (dry_run or not as_json):
            print_operation(tried.operation, as_json=as_json, is_kept=False)
        if dry_run:
            return
        if tried is not None:
            ask(yes, "undo")
            plan_hash = tried.operation.plan_hash
        asked = _undo(asker, operation_id, Terms(reason=reason, plan_hash=plan_hash))
        print_operation(asked.operation, as_json=as_json)


@commands.command("cancel")
def cancel(
    operation_id: Id, as_json: Json = False, name: As = "", data_dir: DataDir = None
) -> None:
    """Cancel what waits; what runs stops before its next step, and what was done stays done."""
    with asking(name, data_dir) as asker:
        from dashboard.services import operations

        found = operations.cancel(user=asker.user, operation_id=operation_id, now=asker.now)
        print_operation(found, as_json=as_json)


@commands.command("retry")
def retry(operation_id: Id, as_json: Json = False, name: As = "", data_dir: DataDir = None) -> None:
    """Let what failed or needs attention go on from where it came to."""
    with asking(name, data_dir) as asker:
        from dashboard.services import operations

        found = operations.retry(user=asker.user, operation_id=operation_id, now=asker.now)
        print_operation(found, as_json=as_json)


@commands.command("acknowledge")
def acknowledge(
    operation_id: Id, as_json: Json = False, name: As = "", data_dir: DataDir = None
) -> None:
    """Note that you have seen what an operation came to, so that it calls nobody any more."""
    with asking(name, data_dir) as asker:
        from dashboard.services import operations

        found = operations.acknowledge(user=asker.user, operation_id=operation_id, now=asker.now)
        print_operation(found, as_json=as_json)


def _find(asker: Asker, operation_id: UUID) -> Operation:
    from dashboard.services import operations

    return operations.find_operation(user=asker.user, operation_id=operation_id)


def _seen(asker: Asker, operation_id: UUID, verb: str, *, yes: bool) -> str:
    """Show an operation, ask about it, and return the hash of the plan that was shown."""
    found = _find(asker, operation_id)
    if not yes:
        print_operation(found, as_json=False)
    ask(yes, verb)
    return found.plan_hash


def _place(asker: Asker, text: str, key: str, *, dry_run: bool) -> Placed:
    from dashboard.api.operation_schemas import read_order
    from dashboard.services import orders

    found = read_order(text, dry_run=dry_run)
    return orders.place_order(
        user=asker.user,
        order=found.to_order(),
        terms=found.terms(),
        key=orders.Key.of(key or found.idempotency_key, found.content("order")),
        now=asker.now,
    )


def _undo(asker: Asker, operation_id: UUID, terms: Terms) -> Placed:
    from dashboard.services import orders

    return orders.place_order(
        user=asker.user,
        order=orders.UndoOrder(operation=operation_id),
        terms=terms,
        key=orders.Key.of("", {}),
        now=asker.now,
    )
