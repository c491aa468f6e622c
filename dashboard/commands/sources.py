"""Sources of a dashboard, by who owns its machine: tried, added, read, removed."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from checkpoints.cli import output
from checkpoints.cli.exits import Exit
from checkpoints.cli.opening import Json, Yes
from checkpoints.cli.opening import confirm as ask
from dashboard.commands.acting import As, Asker, asking, ended
from dashboard.commands.setting_up import DataDir
from dashboard.commands.source_output import print_sources, print_test, source_json

if TYPE_CHECKING:
    from dashboard.credentials import Credentials
    from dashboard.selectors.sources import SourceRow

commands = typer.Typer(
    help="Stores that the dashboard on this machine reads.", no_args_is_help=True
)
Address = Annotated[
    str,
    typer.Argument(
        metavar="ADDRESS", help="A file, a folder, or a server: postgresql://host/name."
    ),
]
Which = Annotated[str, typer.Argument(metavar="NAME|ID", help="The source's name or number.")]
WithUser = Annotated[str, typer.Option("--user", metavar="USER", help="Who opens the server.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from a line of stdin.")
]
FromFile = Annotated[
    Path | None,
    typer.Option(
        "--credentials-file",
        exists=True,
        dir_okay=False,
        help='JSON: {"user": …, "password": …, "store_keys": …}; each may be left out.',
    ),
]
InProject = Annotated[
    str, typer.Option("--project", help="The short name of its project, if there are several.")
]
Choice = Annotated[
    str, typer.Option("--as-kind", metavar="URL", help="Which, where several kinds fit.")
]
PAUSE_SECONDS = 0.5


@commands.command("list")
def list_sources(as_json: Json = False, name: As = "", data_dir: DataDir = None) -> None:
    """List sources by name."""
    with asking(name, data_dir) as asker:
        print_sources(_rows(asker), as_json=as_json)


@commands.command("test")
def try_address(
    address: Address,
    user: WithUser = "",
    password_stdin: FromStdin = False,
    credentials_file: FromFile = None,
    choice: Choice = "",
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Say what lies at an address and what can be done with it. Nothing is added."""
    with asking(name, data_dir) as asker:
        from dashboard.services.source_tests import look_at

        given = _credentials(user, credentials_file, stdin=password_stdin)
        found = look_at(user=asker.user, address=address, credentials=given, choice=choice)
        print_test(found, as_json=as_json)
        if not found.ok:
            raise typer.Exit(Exit.USAGE if found.undecided else Exit.STORE)


@commands.command("add")
def add(  # noqa: PLR0913, PLR0917 - each is an option of the command
    address: Address,
    called: Annotated[str, typer.Option("--name", help="As it is shown.")] = "",
    project: InProject = "",
    user: WithUser = "",
    password_stdin: FromStdin = False,
    credentials_file: FromFile = None,
    choice: Choice = "",
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Add a store that can be opened, and have it read. What kind it is, is found out."""
    with asking(name, data_dir) as asker:
        from dashboard.services import projects, sources

        chosen = projects.by_slug(user=asker.user, slug=project).pk if project else None
        source = sources.add_source(
            user=asker.user,
            url=address,
            name=called,
            now=asker.now,
            project_id=chosen,
            credentials=_credentials(user, credentials_file, stdin=password_stdin),
            choice=choice,
        )
        row = _row(asker, source.pk)
        if as_json:
            output.print_json(source_json(row))
            return
        lines = (
            f"Added {source.name} (source {source.pk}) as {row.title}: {source.url}",
            f"The dashboard's worker reads it now. Look at {_page()}",
            f"Wait for it here: holdfast sources sync {source.pk} --wait",
        )
        for line in lines:
            output.console.print(output.shown(line), highlight=False)


@commands.command("sync")
def sync(
    which: Which,
    wait: Annotated[bool, typer.Option("--wait", help="Read it here, to its end.")] = False,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Have a source read now."""
    with asking(name, data_dir) as asker:
        from dashboard.services import sources

        found = _find(asker, which)
        sources.sync_now(user=asker.user, source_id=found.source.pk)
        message = _read_to_its_end(asker, found.source.pk, quiet=as_json) if wait else ""
        row = _row(asker, found.source.pk)
        if as_json:
            output.print_json(source_json(row))
        elif not message:
            said = f"holds {row.checkpoints:,} checkpoints" if wait else "is being read"
            output.console.print(output.shown(f"{row.source.name} {said}."), highlight=False)
        if message:
            raise ended(Exit.STORE, f"{row.source.name}: {message}")


@commands.command("remove")
def remove(which: Which, yes: Yes = False, name: As = "", data_dir: DataDir = None) -> None:
    """Take a source and all that the dashboard knows of it away. Its store is not touched."""
    with asking(name, data_dir) as asker:
        from dashboard.services import sources

        found = _find(asker, which)
        ask(yes, f"remove {output.shown(found.source.name)} from the dashboard")
        gone = sources.remove_source(user=asker.user, source_id=found.source.pk, now=asker.now)
        said = f"{gone} was removed here. Its store is as it was."
        output.console.print(output.shown(said), highlight=False)


@commands.command("credentials")
def credentials(
    which: Which,
    user: WithUser = "",
    password_stdin: FromStdin = False,
    credentials_file: FromFile = None,
    forget: Annotated[bool, typer.Option("--forget", help="Delete them instead.")] = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Keep other credentials for a source, if they open it; or forget them. None is ever shown."""
    with asking(name, data_dir) as asker:
        from dashboard.services import source_credentials as service

        pk = _find(asker, which).source.pk
        if forget:
            service.forget_credentials(user=asker.user, source_id=pk, now=asker.now)
            said = "were forgotten"
        else:
            given = _credentials(user, credentials_file, stdin=password_stdin)
            service.replace_credentials(
                user=asker.user, source_id=pk, credentials=given, now=asker.now
            )
            said = "open it and are kept, encrypted"
        shown = f"The credentials of {_row(asker, pk).source.name} {said}."
        output.console.print(output.shown(shown), highlight=False)


@commands.command("reseal")
def reseal(name: As = "", data_dir: DataDir = None) -> None:
    """Seal all credentials with the key that is first in HOLDFAST_CREDENTIALS_KEY now."""
    with asking(name, data_dir) as asker:
        from dashboard.services import source_credentials as service

        done, lost = service.reseal(user=asker.user, now=asker.now)
        output.console.print(f"{done} sealed anew.", highlight=False)
        if lost:
            names = ", ".join(lost)
            raise ended(Exit.FINDINGS, f"No key here opens those of {names}; enter them again.")


def _credentials(user: str, file: Path | None, *, stdin: bool) -> Credentials:
    from dashboard.credentials import Credentials

    given = _of_file(file) if file is not None else {}
    password = sys.stdin.readline().rstrip("\r\n") if stdin else given.get("password", "")
    return Credentials(
        user=user or given.get("user", ""),
        password=password,
        store_keys=given.get("store_keys", ""),
    )


def _of_file(file: Path) -> dict[str, str]:
    """Return what a file holds. Its content is in no error."""
    try:
        found = json.loads(file.read_text())
        known = {"user", "password", "store_keys"}
        if found.keys() <= known and all(isinstance(value, str) for value in found.values()):
            return dict(found)
    except (AttributeError, OSError, ValueError):
        pass
    raise ended(
        Exit.USAGE,
        f"{file} is no JSON object of the texts user, password and store_keys; nothing was changed",
    )


def _rows(asker: Asker) -> tuple[SourceRow, ...]:
    from dashboard.selectors.sources import sources_page

    return sources_page(user=asker.user).rows


def _row(asker: Asker, pk: int) -> SourceRow:
    from dashboard.selectors.sources import source_row

    return source_row(user=asker.user, source_pk=pk)


def _find(asker: Asker, which: str) -> SourceRow:
    """Return a source by its name or number; end the command where that is none, or several."""
    found = [row for row in _rows(asker) if which in (row.source.name, str(row.source.pk))]
    exact = [row for row in found if str(row.source.pk) == which]
    found = exact or found
    if not found:
        raise ended(
            Exit.NOT_FOUND,
            f"There is no source {which!r}; nothing was changed. See `holdfast sources list`.",
        )
    if len(found) > 1:
        numbers = ", ".join(str(row.source.pk) for row in found)
        raise ended(
            Exit.USAGE, f"Several sources are called {which!r}: {numbers}. Give the number."
        )
    return found[0]


def _read_to_its_end(asker: Asker, pk: int, *, quiet: bool) -> str:
    """Read a source beside the worker until nothing waits; return why it failed, if it did."""
    from django.utils import timezone

    from dashboard.services.scans import ScanOutcome, scan_source

    with output.console.status("Reading…") as shown:
        while True:
            result = scan_source(source_id=pk, now=timezone.now())
            if result.outcome is ScanOutcome.DONE:
                return ""
            if result.outcome is ScanOutcome.FAILED:
                return result.message
            row = _row(asker, pk)
            about = f" of about {row.total:,}" if row.total else ""
            if not quiet:
                shown.update(f"{row.checkpoints:,}{about} checkpoints read")
            if result.outcome is ScanOutcome.BUSY:
                time.sleep(PAUSE_SECONDS)


def _page() -> str:
    from django.conf import settings

    from dashboard.supervisor.instance import last_port

    return f"http://127.0.0.1:{last_port(settings.DATA_DIR)}/sources/"
