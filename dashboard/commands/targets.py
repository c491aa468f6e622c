"""What an objective or a quota is about, as it is named on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from dashboard.commands.acting import Asker

OfProject = Annotated[
    str, typer.Option("--project", metavar="NAME", help="The short name of a project.")
]
OfSource = Annotated[int | None, typer.Option("--source", min=1, help="A source's number.")]
OfAgent = Annotated[int | None, typer.Option("--agent", min=1, help="An agent's number.")]


def named(asker: Asker, project: str, **numbers: int | None) -> tuple[str, int]:
    """Return the level and the number of the one that is named; raise BadParameter otherwise."""
    given: list[tuple[str, int]] = [(level, pk) for level, pk in numbers.items() if pk is not None]
    if project:
        from dashboard.services import projects

        given.append(("project", projects.by_slug(user=asker.user, slug=project).pk))
    if len(given) != 1:
        options = " or ".join(f"--{level}" for level in (*numbers, "project"))
        raise typer.BadParameter(f"name one {options}")
    return given[0]
