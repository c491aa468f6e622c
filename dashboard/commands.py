"""The commands that the dashboard adds to ``holdfast``.

Django is set up within a command, after its options are in the environment: settings are read
once, and ``holdfast list`` must not pay for them.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
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
Port = Annotated[
    int,
    typer.Option(
        envvar=["HOLDFAST_PORT", "PORT"], show_envvar=False, min=0, max=65535, help="0: any."
    ),
]
Demo = Annotated[
    bool, typer.Option(envvar=["HOLDFAST_DEMO", "DEMO"], show_envvar=False, help="Run demo agents.")
]
tokens = typer.Typer(help="Tokens with which programs come in.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the dashboard's commands to ``app``. Raises ModuleNotFoundError without Django."""
    if find_spec("django") is None:
        raise ModuleNotFoundError("No module named 'django'", name="django")
    app.command()(up)
    app.command()(web)
    app.command()(worker)
    app.command()(reconcile)
    app.command("login-link")(login_link)
    app.add_typer(tokens, name="token")


def up(port: Port = 8000, data_dir: DataDir = None, demo: Demo = True) -> None:
    """Start everything on this machine: web, worker and, unless told otherwise, the demo."""
    from dashboard.supervisor import up as supervisor
    from dashboard.supervisor.instance import CannotStart

    _choose(data_dir)
    try:
        supervisor.up(port=port, demo=demo)
    except CannotStart as error:
        raise _refused(error) from None


def web(
    port: Port = 8000,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(min=1)] = 2,
    threads: Annotated[int, typer.Option(min=1)] = 8,
) -> None:
    """Bring the database up to date and serve the web pages, for a container."""
    from dashboard.supervisor.programs import web_command

    _set_up()
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
    _set_up()
    from django.utils import timezone

    from dashboard.services import operations

    found = operations.reconcile(now=timezone.now())
    typer.echo(f"{found.hinted} hints sent again, {found.superseded} restores found superseded.")


def login_link(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="[default: that of the last `up`]")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Print a link that logs the first administrator in once, within 15 minutes."""
    _choose(data_dir)
    _require_index()
    from django.conf import settings
    from django.utils import timezone

    from dashboard.services import login
    from dashboard.supervisor.instance import last_port

    try:
        path = login.make_link(now=timezone.now())
    except login.LinkRefused as error:
        raise _refused(error) from None
    typer.echo(f"http://127.0.0.1:{port or last_port(settings.DATA_DIR)}{path}")


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for.")] = "command line",
    data_dir: DataDir = None,
) -> None:
    """Print a token with which agents may report. It is shown this once."""
    _choose(data_dir)
    _require_index()
    from django.utils import timezone

    from dashboard.services import login
    from dashboard.services.tokens import create_token as make_token

    made = make_token(
        user=login.first_administrator(), name=name, scopes=["push"], now=timezone.now()
    )
    typer.echo(made.secret)


def _choose(data_dir: Path | None) -> None:
    if data_dir is not None:
        os.environ["HOLDFAST_DATA_DIR"] = str(data_dir)


def _set_up() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    import django

    django.setup()


def _require_index() -> None:
    """Set up, or end with a sentence where no Holdfast was ever started with this data."""
    _set_up()
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


def _refused(error: Exception) -> typer.Exit:
    errors.print(f"holdfast: {error}", markup=False, highlight=False)
    return typer.Exit(Exit.REFUSED)


def _become(command: tuple[str, ...]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    os.execv(command[0], command)  # noqa: S606 - our own command, no shell
