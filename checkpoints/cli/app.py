"""The commands on stores, and the door through which the dashboard adds its own."""

from __future__ import annotations

from importlib.metadata import entry_points, version
from typing import Annotated

import typer

from checkpoints.cli import (
    care,
    drilling,
    erasing,
    forking,
    moving,
    pruning,
    reading,
    restoring,
    sizing,
    spooling,
    sweeping,
    undoing,
)
from checkpoints.cli.exits import Exit, errors

app = typer.Typer(
    name="holdfast",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("list")(reading.list_checkpoints)
app.command("show")(reading.show)
app.command("diff")(reading.diff)
app.command("restore")(restoring.restore_checkpoint)
app.command("fork")(forking.fork_checkpoint)
app.command("prune")(pruning.prune)
app.command("undo")(undoing.undo)
app.command("sweep")(sweeping.sweep)
app.command("erase")(erasing.erase_checkpoints)
app.command("storage")(sizing.storage)
app.command("verify")(care.verify)
app.command("drill")(drilling.rehearse_store)
app.command("repair")(care.repair)
app.command("rebuild")(care.rebuild)
app.command("migrate")(moving.migrate_store)
app.command("selftest")(care.selftest)
app.command("spool")(spooling.spool)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"holdfast {version('holdfast')}")
        raise typer.Exit


@app.callback()
def common(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """See, understand and recover the checkpoints of your agents."""


def _load_extensions() -> None:
    """Let installed packages add commands; where libraries are missing, say what to install."""
    for entry in entry_points(group="holdfast.commands"):
        try:
            entry.load()(app)
        except ModuleNotFoundError as error:
            _explain_missing(entry.name, str(error.name))


def _explain_missing(name: str, module: str) -> None:
    @app.command("up", help=f"Needs holdfast[{name}].")
    def up() -> None:
        what = f"holdfast up needs {module}; install it with: pip install 'holdfast[{name}]'"
        errors.print(what, markup=False, highlight=False)
        raise typer.Exit(Exit.STORE)


def main() -> None:
    """Run the command line."""
    _load_extensions()
    app()
