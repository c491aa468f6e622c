"""Starting the dashboard and its parts."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from dashboard.commands.setting_up import DataDir, choose, refused, set_up

Port = Annotated[
    int,
    typer.Option(
        envvar=["HOLDFAST_PORT", "PORT"], show_envvar=False, min=0, max=65535, help="0: any."
    ),
]
Demo = Annotated[
    bool, typer.Option(envvar=["HOLDFAST_DEMO", "DEMO"], show_envvar=False, help="Run demo agents.")
]


def up(port: Port = 8000, data_dir: DataDir = None, demo: Demo = True) -> None:
    """Start everything on this machine: web, worker and, unless told otherwise, the demo."""
    from dashboard.supervisor import up as supervisor
    from dashboard.supervisor.instance import CannotStart

    choose(data_dir)
    try:
        supervisor.up(port=port, demo=demo)
    except CannotStart as error:
        raise refused(error) from None


def web(
    port: Port = 8000,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(min=1)] = 2,
    threads: Annotated[int, typer.Option(min=1)] = 8,
) -> None:
    """Bring the database up to date and serve the web pages, for a container."""
    from dashboard.supervisor.programs import web_command

    set_up()
    from dashboard.supervisor.preparing import prepare

    prepare()
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    _become(web_command(bind=bind, workers=workers, threads=threads))


def worker(
    concurrency: Annotated[int | None, typer.Option(min=1, help="Tasks at a time.")] = None,
) -> None:
    """Carry operations and scans out, for a container."""
    from dashboard.data_folder import keep_private
    from dashboard.supervisor.programs import worker_command

    keep_private()
    _become(worker_command(concurrency=concurrency))


def reconcile() -> None:
    """Send the hints again that were lost. The worker does this every 15 seconds by itself."""
    set_up()
    from django.utils import timezone

    from dashboard.services import operations

    found = operations.reconcile(now=timezone.now())
    typer.echo(
        f"{found.hinted} hints sent again, {found.superseded} restores found superseded, "
        f"{found.swept} sweeps begun, {found.expired} unconfirmed requests dropped."
    )


def _become(command: tuple[str, ...]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    os.execv(command[0], command)  # noqa: S606 - our own command, no shell
