"""Recovery-point objectives of the dashboard on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from checkpoints.cli import output
from checkpoints.cli.opening import Json
from dashboard.commands.acting import As, Asker, asking
from dashboard.commands.setting_up import DataDir
from dashboard.commands.targets import OfAgent, OfProject, OfSource, named

if TYPE_CHECKING:
    from dashboard.selectors.objectives import AppliedObjective

commands = typer.Typer(
    help="How old a recovery point may become before somebody is called.", no_args_is_help=True
)
Length = Annotated[
    str, typer.Argument(metavar="LENGTH", help="30min, 2h, 1d; none: no objective from there on.")
]


@commands.command("list")
def list_objectives(as_json: Json = False, name: As = "", data_dir: DataDir = None) -> None:
    """List the objectives that are set, the last changed first."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors import objectives

        rows = objectives.list_objectives(user=asker.user).rows
        found = [(row, objectives.target_of_objective(row)) for row in rows]
        if as_json:
            from dashboard.api.objectives import objective_answer

            output.print_json([_json(objective_answer(*pair), "ObjectiveOut") for pair in found])
            return
        lines = [
            (target.words, _length(row.minutes), row.changed_by.get_username(), row.changed_at)
            for row, target in found
        ]
        _print(("about", "objective", "set by", "at"), lines)


@commands.command("show")
def show(
    source: OfSource = None,
    agent: OfAgent = None,
    project: OfProject = "",
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Show which objective applies, and an agent's recovery point."""
    with asking(name, data_dir) as asker:
        level, pk = named(asker, project, source=source, agent=agent)
        _show(asker, level, pk, as_json=as_json)


@commands.command("set")
def set_objective(
    length: Length,
    source: OfSource = None,
    agent: OfAgent = None,
    project: OfProject = "",
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Set the objective of a source, an agent or a project."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors.objectives import objective_target
        from dashboard.services import drills

        level, pk = named(asker, project, source=source, agent=agent)
        minutes = _minutes(length)
        target = objective_target(user=asker.user, level=level, pk=pk)
        drills.set_objective(user=asker.user, target=target, minutes=minutes, now=asker.now)
        _show(asker, level, pk, as_json=as_json)


@commands.command("remove")
def remove(
    source: OfSource = None,
    agent: OfAgent = None,
    project: OfProject = "",
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Take its own objective away: the next one further out applies again."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors.objectives import objective_target
        from dashboard.services import drills

        level, pk = named(asker, project, source=source, agent=agent)
        target = objective_target(user=asker.user, level=level, pk=pk)
        drills.remove_objective(user=asker.user, target=target, now=asker.now)
        _show(asker, level, pk, as_json=as_json)


def _minutes(text: str) -> int | None:
    from dashboard.drill_forms import objective_of

    try:
        return objective_of(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; nothing was changed") from None


def _show(asker: Asker, level: str, pk: int, *, as_json: bool) -> None:
    from dashboard.api.objectives import applied_answer
    from dashboard.selectors.objectives import applied_objective

    found = applied_objective(user=asker.user, level=level, pk=pk)
    if as_json:
        output.print_json(_json(applied_answer(found, asker.now), "AppliedObjectiveOut"))
        return
    output.console.print(output.shown(_sentence(found, asker)), highlight=False)


def _sentence(found: AppliedObjective, asker: Asker) -> str:
    from dashboard import formats

    said = f"{found.target.words}: {_applies(found)}"
    point = found.point
    if point is None or not point.live:
        return f"{said}."
    newest = formats.age(point.at, asker.now) if point.at else "none"
    missed = ", which is too old" if point.is_missed(asker.now) else ""
    return f"{said}; its newest clean checkpoint: {newest}{missed}."


def _applies(found: AppliedObjective) -> str:
    if not found.level:
        return "no objective"
    return f"{_length(found.minutes)}, set on the {found.level}"


def _length(minutes: int | None) -> str:
    from datetime import timedelta

    from dashboard import quantities

    if minutes is None:
        return "no objective"
    return f"a clean checkpoint every {quantities.shown_age(timedelta(minutes=minutes))}"


def _print(titles: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for *cells, at in lines:
        table.add_row(*map(output.shown, cells), f"{at:%Y-%m-%d %H:%M:%S}")
    output.console.print(table)


def _json(answer: dict[str, Any], schema: str) -> Any:
    from dashboard.api import objective_schemas

    return getattr(objective_schemas, schema)(**answer).model_dump(mode="json")
