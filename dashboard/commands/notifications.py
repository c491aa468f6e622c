"""Notifications of a dashboard, by who owns its machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from checkpoints.cli import output
from checkpoints.cli.opening import Json
from dashboard.commands.acting import As, asking
from dashboard.commands.setting_up import DataDir

if TYPE_CHECKING:
    from collections.abc import Sequence

commands = typer.Typer(
    help="Notifications of the dashboard on this machine: who is told what, and what arrived.",
    no_args_is_help=True,
)
Channel = Annotated[int, typer.Argument(min=1, help="The channel's number.")]
OfChannel = Annotated[int | None, typer.Option("--channel", min=1, help="Only of this channel.")]
InProject = Annotated[str, typer.Option("--project", help="The short name of its project.")]
ByKind = Annotated[str, typer.Option("--by", help="email, webhook or service.")]
SeverityOption = Annotated[str, typer.Option("--severity", help="low, medium or high, and above.")]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", help="Such as drift.opened; [default: all]")
]
Agents = Annotated[str, typer.Option("--agents", help="A pattern such as crawler-*.")]
Remind = Annotated[int | None, typer.Option("--remind", min=1, help="Remind every N hours.")]
Limit = Annotated[int, typer.Option(min=1, max=50, help="Only the newest N.")]


@commands.command("list")
def list_channels(as_json: Json = False, name: As = "", data_dir: DataDir = None) -> None:
    """List channels with what they are told of."""
    with asking(name, data_dir) as asker:
        from dashboard.api.notifications import channel_answer
        from dashboard.selectors import notifications

        rows = [channel_answer(row) for row in notifications.list_channels(user=asker.user)]
        _print_channels(rows, as_json=as_json)


@commands.command("add")
def add(
    channel_name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called here.")],
    by: ByKind,
    project: InProject = "default",
    severity: SeverityOption = "medium",
    kinds: Kinds = None,
    agents: Agents = "",
    remind: Remind = None,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Add a channel. Its address is read from standard input: addresses may hold secrets."""
    if sys.stdin.isatty():
        typer.echo("The address, then Enter:", err=True)
    address = sys.stdin.readline().strip()
    with asking(name, data_dir) as asker:
        from dashboard.services import notifications, projects

        kept = notifications.add_channel(
            user=asker.user,
            project_pk=projects.by_slug(user=asker.user, slug=project).pk,
            wanted=notifications.Wanted(name=channel_name, kind=by, address=address),
            rule=notifications.WantedRule(
                severity=severity, kinds=tuple(kinds or ()), agents=agents, remind_hours=remind
            ),
            now=asker.now,
        )
        typer.echo(f"Channel {kept.channel.pk}, {kept.channel.name}, goes to {kept.channel.shown}.")
        if kept.secret:
            typer.echo(f"Its secret, shown this once: {kept.secret}")


@commands.command("test")
def send_test(channel: Channel, name: As = "", data_dir: DataDir = None) -> None:
    """Send a test; the dashboard's worker does it. See what came of it with `log`."""
    with asking(name, data_dir) as asker:
        from dashboard.services import notifications

        notifications.test_channel(user=asker.user, channel_pk=channel, now=asker.now)
        typer.echo(f"A test is being sent. See `holdfast notifications log --channel {channel}`.")


@commands.command("log")
def log(
    channel: OfChannel = None,
    limit: Limit = 20,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """List what was sent, newest first, with what came of it."""
    with asking(name, data_dir) as asker:
        from dashboard.api.notifications import message_answer
        from dashboard.selectors import notifications

        page = notifications.list_messages(user=asker.user, channel_pk=channel)
        _print_messages([message_answer(row) for row in page.rows[:limit]], as_json=as_json)


@commands.command("pause")
def pause(channel: Channel, name: As = "", data_dir: DataDir = None) -> None:
    """Send nothing by a channel until it is resumed."""
    with asking(name, data_dir) as asker:
        from dashboard.services import notifications

        found = notifications.pause_channel(user=asker.user, channel_pk=channel, now=asker.now)
        typer.echo(f"{found.name} is paused.")


@commands.command("resume")
def resume(channel: Channel, name: As = "", data_dir: DataDir = None) -> None:
    """Send by a channel again."""
    with asking(name, data_dir) as asker:
        from dashboard.services import notifications

        found = notifications.resume_channel(user=asker.user, channel_pk=channel, now=asker.now)
        typer.echo(f"{found.name} is told again from now on.")


@commands.command("remove")
def remove(channel: Channel, name: As = "", data_dir: DataDir = None) -> None:
    """Take a channel away with its rules and its log."""
    with asking(name, data_dir) as asker:
        from dashboard.services import notifications

        gone = notifications.remove_channel(user=asker.user, channel_pk=channel, now=asker.now)
        typer.echo(f"{gone} was removed.")


def _print_channels(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    from dashboard.api.notification_schemas import ChannelOut

    if as_json:
        output.print_json([ChannelOut(**row).model_dump(mode="json") for row in rows])
        return
    table = _table("channel", "name", "goes to", "told of", "state", "waiting")
    for row in rows:
        told = "; ".join(rule["words"] for rule in row["rules"]) or "nothing"
        cells = (row["id"], row["name"], row["goes_to"], told, _state(row), row["waiting"])
        table.add_row(*map(output.shown, cells))
    output.console.print(table)


def _print_messages(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    from dashboard.api.notification_schemas import MessageOut

    if as_json:
        output.print_json([MessageOut(**row).model_dump(mode="json") for row in rows])
        return
    table = _table("at", "channel", "message", "state", "attempts", "last answer")
    for row in rows:
        last = row["attempts"][-1]["answer"] if row["attempts"] else ""
        at = f"{row['created_at']:%Y-%m-%d %H:%M:%S}"
        tried = len(row["attempts"])
        cells = (at, row["channel"], row["title"], row["state"], tried, row["reason"] or last)
        table.add_row(*map(output.shown, cells))
    output.console.print(table)


def _state(row: dict[str, Any]) -> str:
    if row["paused_at"]:
        return "paused"
    if row["broken_since"]:
        return "takes nothing"
    return "works" if row["last_delivered_at"] else "not used yet"


def _table(*titles: str) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table
