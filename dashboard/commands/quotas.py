"""Quotas of the dashboard on this machine: how much is meant to be stored at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from checkpoints.cli import output
from checkpoints.cli.opening import Json
from dashboard.commands.acting import As, Asker, asking
from dashboard.commands.setting_up import DataDir
from dashboard.commands.targets import OfProject, OfSource, named

if TYPE_CHECKING:
    from dashboard.selectors.quotas import QuotaOf

commands = typer.Typer(
    help="How much a source or a project is meant to take at most. Nothing enforces it.",
    no_args_is_help=True,
)
Size = Annotated[str, typer.Argument(metavar="SIZE", help="20GB, 500MB, or bytes.")]


@commands.command("list")
def list_quotas(as_json: Json = False, name: As = "", data_dir: DataDir = None) -> None:
    """List the quotas that are set, the last changed first, with what is stored now."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors import quotas

        rows = quotas.list_quotas(user=asker.user).rows
        _print([quotas.with_bytes(row) for row in rows], as_json=as_json)


@commands.command("set")
def set_quota(
    size: Size,
    source: OfSource = None,
    project: OfProject = "",
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Set the quota of a source or a project."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors.quotas import quota_target
        from dashboard.services import storage

        level, pk = named(asker, project, source=source)
        target = quota_target(user=asker.user, level=level, pk=pk)
        storage.set_quota(user=asker.user, target=target, size=_bytes(size), now=asker.now)
        _print([_read(asker, level, pk)], as_json=as_json)


@commands.command("remove")
def remove(
    source: OfSource = None,
    project: OfProject = "",
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Take a quota away."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors.quotas import quota_target
        from dashboard.services import storage

        level, pk = named(asker, project, source=source)
        target = quota_target(user=asker.user, level=level, pk=pk)
        storage.remove_quota(user=asker.user, target=target, now=asker.now)
        _print([_read(asker, level, pk)], as_json=as_json)


def _bytes(text: str) -> int:
    from dashboard import quantities

    try:
        return quantities.size(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; nothing was changed") from None


def _read(asker: Asker, level: str, pk: int) -> QuotaOf:
    from dashboard.selectors.quotas import quota_of

    return quota_of(user=asker.user, level=level, pk=pk)


def _print(rows: list[QuotaOf], *, as_json: bool) -> None:
    if as_json:
        output.print_json([_json(row) for row in rows])
        return
    from dashboard import formats

    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in ("about", "quota", "stored now", "set by"):
        table.add_column(title, overflow="fold")
    for row in rows:
        quota, stored = row.quota, formats.size(row.stored_bytes)
        size = formats.size(quota.bytes) if quota else "none"
        by = quota.changed_by.get_username() if quota else ""
        table.add_row(*map(output.shown, (row.target.words, size, stored, by)))
    output.console.print(table)


def _json(row: QuotaOf) -> Any:
    from dashboard.api.quota_schemas import QuotaOfOut
    from dashboard.api.quotas import quota_answer

    return QuotaOfOut(**quota_answer(row)).model_dump(mode="json")
