"""Drills of a dashboard, by who owns its machine. ``holdfast drill URL`` needs no dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from checkpoints.cli import output
from checkpoints.cli.exits import Exit
from checkpoints.cli.opening import Json
from dashboard.commands import objectives
from dashboard.commands.acting import As, asking
from dashboard.commands.setting_up import DataDir

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashboard.models import Drill

commands = typer.Typer(
    help="Restore drills of the dashboard on this machine: what is proven, and proving it now.",
    no_args_is_help=True,
)
commands.add_typer(objectives.commands, name="objective")
OfSource = Annotated[int | None, typer.Option("--source", min=1, help="The source's number.")]
OfAgent = Annotated[int | None, typer.Option("--agent", min=1, help="Only this agent's number.")]
Checkpoints = Annotated[int, typer.Option(min=1, max=50, help="How many of each agent.")]
Limit = Annotated[int, typer.Option(min=1, max=100, help="Only the newest N.")]


@commands.command("list")
def list_drills(
    limit: Limit = 20, as_json: Json = False, name: As = "", data_dir: DataDir = None
) -> None:
    """List drills, newest first, with what they came to."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors import drills

        _print(drills.list_drills(user=asker.user).rows[:limit], as_json=as_json)


@commands.command("run")
def run(
    source: OfSource = None,
    agent: OfAgent = None,
    checkpoints: Checkpoints = 2,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Ask for a drill now; the dashboard's worker carries it out and only reads the store."""
    if (source is None) == (agent is None):
        raise typer.BadParameter("name a --source or an --agent")
    with asking(name, data_dir) as asker:
        from dashboard.services import drills

        begun = drills.rehearse_now(
            user=asker.user,
            source_pk=source,
            agent_pk=agent,
            per_agent=checkpoints,
            now=asker.now,
        )
        _print([begun], as_json=as_json)
    raise typer.Exit(Exit.OK)


def _print(rows: Iterable[Drill], *, as_json: bool) -> None:
    if as_json:
        output.print_json([_json(row) for row in rows])
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in ("drill", "about", "outcome", "proven", "failed", "skipped", "begun", "message"):
        table.add_column(title, overflow="fold")
    for row in rows:
        about = row.agent.agent_id if row.agent else row.source.name
        counts = (row.proven, row.failed, row.skipped)
        begun = f"{row.created_at:%Y-%m-%d %H:%M:%S}"
        cells = (row.pk, about, row.outcome or "running", *counts, begun, row.message)
        table.add_row(*map(output.shown, cells))
    output.console.print(table)


def _json(row: Drill) -> Any:
    from dashboard.api.drill_schemas import DrillOut
    from dashboard.api.drills import drill_answer

    return DrillOut(**drill_answer(row)).model_dump(mode="json")
