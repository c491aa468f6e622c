"""Checking the audit log and writing it to a file, by who owns the machine."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from checkpoints.cli.exits import Exit
from dashboard.commands.setting_up import DataDir, choose, refused, require_index, set_up

if TYPE_CHECKING:
    from dashboard.services.audit import Verification

commands = typer.Typer(help="The log of who did what.", no_args_is_help=True)
Expect = Annotated[
    str, typer.Option(metavar="HASH", help="The hash of an event that was noted earlier.")
]
File = Annotated[
    Path | None,
    typer.Option("--file", exists=True, dir_okay=False, help="Check this export instead."),
]
Partial = Annotated[
    bool, typer.Option("--partial", help="The export leaves events out on purpose.")
]


@commands.command("verify")
def verify(
    expect: Expect = "",
    file: File = None,
    partial: Partial = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Name events that were edited, removed, reordered or put in, and an end that was cut off.

    Note the hash that it prints elsewhere: with ``--expect`` a log that was written anew since then
    is told too.
    """
    choose(data_dir)
    found = _check_file(file, expect, partial=partial) if file else _check_log(expect)
    _print(found, as_json=as_json)
    if not found.holds:
        raise typer.Exit(Exit.FINDINGS)


@commands.command("export")
def export(
    form: Annotated[Literal["jsonl", "csv"], typer.Option("--format")] = "jsonl",
    data_dir: DataDir = None,
) -> None:
    """Write all events to stdout, the oldest first, with the hashes by which they are checked."""
    choose(data_dir)
    require_index()
    from dashboard.selectors.audit import AuditFilter, audit_links
    from dashboard.services import audit, login

    links = audit_links(user=login.first_administrator(), wanted=AuditFilter())
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    sys.stdout.writelines(audit.lines(links, form))


def _check_log(expect: str) -> Verification:
    require_index()
    from django.utils import timezone

    from dashboard.services import audit

    return audit.verify(now=timezone.now(), expect=expect)


def _check_file(file: Path, expect: str, *, partial: bool) -> Verification:
    set_up()
    from django.utils import timezone

    from dashboard.services import audit

    try:
        with file.open(encoding="utf-8", newline="") as text:
            return audit.verify_file(text, now=timezone.now(), expect=expect, partial=partial)
    except (audit.UnreadableExport, UnicodeDecodeError) as error:
        raise refused(ValueError(f"{file} was not checked: {error}.")) from None


def _print(found: Verification, *, as_json: bool) -> None:
    if as_json:
        values = dataclasses.asdict(found) | {"at": found.at.isoformat(), "holds": found.holds}
        typer.echo(json.dumps(values, indent=2))
        return
    for finding in found.findings:
        typer.echo(f"{finding.kind}: {finding.message}")
    if found.holds:
        typer.echo(f"{found.events} events, nothing is wrong. The last hash: {found.hash}")
