"""What every command does first: choose the data, load Django, say why it cannot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from checkpoints.cli.exits import Exit, errors

DataDir = Annotated[
    Path | None,
    typer.Option(
        envvar=["HOLDFAST_DATA_DIR", "DATA_DIR"],
        show_envvar=False,
        help="Where the dashboard keeps its own data. [default: .holdfast]",
    ),
]


def choose(data_dir: Path | None) -> None:
    """Have Django read its settings from this folder."""
    if data_dir is not None:
        os.environ["HOLDFAST_DATA_DIR"] = str(data_dir)


def set_up() -> None:
    """Load Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    import django

    django.setup()


def require_index() -> None:
    """Set up, or end with a sentence where no Holdfast was ever started with this data."""
    set_up()
    from dashboard.services.health import has_index

    if not has_index():
        from django.conf import settings

        errors.print(
            f"holdfast: there is no Holdfast in {settings.DATA_DIR} yet. Name its "
            "folder with --data-dir or HOLDFAST_DATA_DIR, or start it with `holdfast up`.",
            markup=False,
            highlight=False,
        )
        raise typer.Exit(Exit.STORE)


def refused(error: Exception) -> typer.Exit:
    """Say why on stderr and return the exit."""
    errors.print(f"holdfast: {error}", markup=False, highlight=False)
    return typer.Exit(Exit.REFUSED)
