"""The command that shows what waits to be reported, and sends it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from checkpoints.cli import output
from checkpoints.cli.exits import Exit, errors
from checkpoints.cli.opening import Json
from checkpoints.reporting.items import Lane
from checkpoints.reporting.leftovers import Leftover, leftovers, send_leftovers
from checkpoints.reporting.settings import Settings, spool_folder

Folder = Annotated[
    Path | None,
    typer.Option("--spool", help="The folder; else HOLDFAST_SPOOL, else .holdfast/spool."),
]
Send = Annotated[bool, typer.Option("--send", help="Send what dead processes left.")]


def spool(folder: Folder = None, send: Send = False, as_json: Json = False) -> None:
    """Show what agents have yet to report. Exit code 6 when --send could not send all of it."""
    place = folder.absolute() if folder else spool_folder()
    if send:
        _send(place, as_json=as_json)
        return
    found = leftovers(place)
    if as_json:
        output.print_json([one.to_dict() for one in found])
    elif found:
        _print(found)
    else:
        output.console.print(f"Nothing waits in {output.shown(place)}.")


def _send(place: Path, *, as_json: bool) -> None:
    settings = Settings.from_environment(spool=place)
    if settings is None:
        errors.print("Set HOLDFAST_DASHBOARD_URL and HOLDFAST_TOKEN; nothing was sent.")
        raise typer.Exit(Exit.USAGE)
    counters = send_leftovers(settings)
    if as_json:
        output.print_json(counters.to_dict())
    else:
        output.console.print(
            f"{counters.sent} sent, {counters.refused} refused, {counters.dropped} damaged, "
            f"{counters.spooled} still waiting."
        )
    raise typer.Exit(Exit.TRY_AGAIN if counters.spooled else Exit.OK)


def _print(found: list[Leftover]) -> None:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("dashboard", "left by", *Lane, "bytes"):
        table.add_column(name, overflow="fold")
    for one in found:
        owner = "a living process" if one.in_use else "a dead one"
        counts = (str(one.items.get(lane, 0)) for lane in Lane)
        table.add_row(output.shown(one.dashboard), owner, *counts, output.size(one.size))
    output.console.print(table)
