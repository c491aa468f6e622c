"""Letting people and programs in, by who owns the machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from dashboard.commands.setting_up import DataDir, choose, refused, require_index

tokens = typer.Typer(help="Tokens with which programs come in.", no_args_is_help=True)
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope", help="push, read or operate; may be given several times. [default: push]"
    ),
]
InProject = Annotated[str, typer.Option("--project", help="The short name of its project.")]
Days = Annotated[
    int | None, typer.Option(min=1, help="It ends after this. [default: 365, or 90 for operate]")
]


def login_link(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="[default: that of the last `up`]")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Print a link that logs the first administrator in once, within 15 minutes."""
    choose(data_dir)
    require_index()
    from django.conf import settings
    from django.utils import timezone

    from dashboard.services import login
    from dashboard.supervisor.instance import last_port

    try:
        path = login.make_link(now=timezone.now())
    except login.LinkRefused as error:
        raise refused(error) from None
    typer.echo(f"http://127.0.0.1:{port or last_port(settings.DATA_DIR)}{path}")


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for.")] = "command line",
    scopes: Scopes = None,
    project: InProject = "default",
    days: Days = None,
    data_dir: DataDir = None,
) -> None:
    """Print a token with which agents may report. It is shown this once."""
    choose(data_dir)
    require_index()
    from django.utils import timezone

    from dashboard.services import login, projects
    from dashboard.services.tokens import create_token as make_token

    now = timezone.now()
    user = login.first_administrator()
    user.authenticated_at = now
    try:
        made = make_token(
            user=user,
            name=name,
            scopes=scopes or ["push"],
            now=now,
            lifetime=timedelta(days=days) if days else None,
            project_id=projects.by_slug(user=user, slug=project).pk,
        )
    except (ValueError, projects.ProjectRefused) as error:
        raise refused(error) from None
    typer.echo(made.secret)
