"""Drift, by who owns the dashboard's machine: its alerts, what is done about them, and tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from checkpoints.cli import output
from checkpoints.cli.opening import Json
from dashboard.commands.acting import As, asking
from dashboard.commands.setting_up import DataDir

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from dashboard.models import DriftAlert
    from dashboard.selectors.drift import AlertPage
    from dashboard.services.drift import Replay

commands = typer.Typer(
    help="Drift alerts of the dashboard on this machine, and how closely agents are watched.",
    no_args_is_help=True,
)
Alert = Annotated[int, typer.Argument(min=1, help="The alert's number in the list.")]
Agent = Annotated[int, typer.Argument(min=1, help="The agent's number.")]
OfAgent = Annotated[int | None, typer.Option("--agent", min=1, help="Only of this agent.")]
State = Annotated[str, typer.Option(help="open, acknowledged, …, ended or all. [default: unended]")]
Reason = Annotated[str, typer.Option("--reason", help="Why; whoever looks next will read it.")]
For = Annotated[str, typer.Option("--for", metavar="LENGTH", help="30min, 8h, 2d.")]
Share = Annotated[float | None, typer.Option("--sensitivity", min=0, max=1, help="0 to 1.")]
Metrics = Annotated[
    list[str] | None, typer.Option("--metric", metavar="NAME=0.3", help="Of one metric; repeat.")
]
Watch = Annotated[bool | None, typer.Option("--watch/--no-watch", help="Whether at all.")]


@commands.command("list")
def list_alerts(
    state: State = "",
    agent: OfAgent = None,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """List drift alerts that have not ended, the newest first."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors.drift import drift_page

        page = drift_page(user=asker.user, state=state, agent=agent)
        _print(page.alerts, as_json=as_json)


@commands.command("show")
def show(alert: Alert, as_json: Json = False, name: As = "", data_dir: DataDir = None) -> None:
    """Show an alert, its evidence, and the checkpoints to go back to."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors.drift import drift_alert_page

        _show(drift_alert_page(user=asker.user, alert_pk=alert), as_json=as_json)


@commands.command("ack")
def acknowledge(
    alert: Alert, as_json: Json = False, name: As = "", data_dir: DataDir = None
) -> None:
    """Say that somebody knows of it: it calls nobody any more."""
    with asking(name, data_dir) as asker:
        from dashboard.services import drift

        found = drift.acknowledge(user=asker.user, alert_pk=alert, now=asker.now)
        _print([found], as_json=as_json)


@commands.command("snooze")
def snooze(
    alert: Alert, length: For = "8h", as_json: Json = False, name: As = "", data_dir: DataDir = None
) -> None:
    """Put it off: it opens again then, unless it has ended by itself."""
    with asking(name, data_dir) as asker:
        from dashboard.services import drift

        until = asker.now + _length(length)
        found = drift.snooze(user=asker.user, alert_pk=alert, until=until, now=asker.now)
        _print([found], as_json=as_json)


@commands.command("resolve")
def resolve(
    alert: Alert, reason: Reason, as_json: Json = False, name: As = "", data_dir: DataDir = None
) -> None:
    """End it: it was seen to. What comes after is a new alert."""
    with asking(name, data_dir) as asker:
        from dashboard.services import drift

        found = drift.resolve(user=asker.user, alert_pk=alert, reason=reason, now=asker.now)
        _print([found], as_json=as_json)


@commands.command("not-drift")
def not_drift(
    alert: Alert, reason: Reason, as_json: Json = False, name: As = "", data_dir: DataDir = None
) -> None:
    """End it as no drift: what its metrics show now is taken as normal."""
    with asking(name, data_dir) as asker:
        from dashboard.services import drift

        found = drift.not_drift(user=asker.user, alert_pk=alert, reason=reason, now=asker.now)
        _print([found], as_json=as_json)


@commands.command("tune")
def tune(
    agent: Agent,
    sensitivity: Share = None,
    metric: Metrics = None,
    watch: Watch = None,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Say how closely an agent is watched; without options, only show it."""
    with asking(name, data_dir) as asker:
        from dashboard.selectors.drift_tuning import tuning_page
        from dashboard.services import drift

        page = tuning_page(user=asker.user, agent_pk=agent)
        if sensitivity is not None or metric or watch is not None:
            known = page.watch
            drift.tune(
                user=asker.user,
                agent_pk=agent,
                sensitivity=known.sensitivity if sensitivity is None else sensitivity,
                sensitivities={**known.sensitivities, **_of_metrics(metric)},
                enabled=known.enabled if watch is None else watch,
                now=asker.now,
            )
        _print_tuning(tuning_page(user=asker.user, agent_pk=agent), as_json=as_json)


@commands.command("replay")
def replay(
    agent: Agent,
    sensitivity: Share = 0.5,
    metric: Metrics = None,
    as_json: Json = False,
    name: As = "",
    data_dir: DataDir = None,
) -> None:
    """Show which alerts there would have been in what is recorded; nothing is changed."""
    with asking(name, data_dir) as asker:
        from dashboard.services import drift

        found = drift.replay(
            user=asker.user,
            agent_pk=agent,
            sensitivity=0.5 if sensitivity is None else sensitivity,
            sensitivities=_of_metrics(metric),
        )
        _print_replay(found, as_json=as_json)


def _length(text: str) -> timedelta:
    from dashboard import quantities

    try:
        return quantities.age(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; nothing was changed") from None


def _of_metrics(given: Iterable[str] | None) -> dict[str, float]:
    found = {}
    for text in given or ():
        name, _, value = text.rpartition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not NAME=0.3; nothing was changed") from None
    return found


def _print(rows: Iterable[DriftAlert], *, as_json: bool) -> None:
    if as_json:
        output.print_json([_json(row) for row in rows])
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in ("alert", "agent", "state", "severity", "metrics", "began", "words"):
        table.add_column(title, overflow="fold")
    for row in rows:
        began = f"{row.onset_at:%Y-%m-%d %H:%M:%S}"
        cells = (row.pk, row.agent.agent_id, row.state, row.severity, ", ".join(row.metrics))
        table.add_row(*map(output.shown, (*cells, began, row.words)))
    output.console.print(table)


def _show(page: AlertPage, *, as_json: bool) -> None:
    if as_json:
        from dashboard.api.drift_answers import whole_alert_answer
        from dashboard.api.drift_schemas import WholeDriftAlertOut

        whole = WholeDriftAlertOut(**whole_alert_answer(page))
        output.print_json(whole.model_dump(mode="json"))
        return
    _print([page.alert], as_json=False)
    for rung in page.rungs:
        line = f"{rung.confidence:.0%}  {rung.checkpoint.checkpoint_id}  {rung.words}"
        output.console.print(output.shown(line), markup=False, highlight=False)


def _print_tuning(page: Any, *, as_json: bool) -> None:
    from dashboard.api.drift_answers import tuning_answer
    from dashboard.api.drift_schemas import TuningOut

    told = TuningOut(**tuning_answer(page)).model_dump(mode="json")
    if as_json:
        output.print_json(told)
        return
    watched = "watched" if told["enabled"] else f"not watched {told['message']}"
    output.console.print(output.shown(f"{told['agent_id']}: {watched}, {told['sensitivity']}"))
    table = Table(box=None, header_style="dim", pad_edge=False)
    titles = ("metric", "step_name", "low", "center", "high", "count", "sensitivity")
    for title in titles:
        table.add_column(title.replace("_", " "), overflow="fold")
    for one in told["watched"]:
        table.add_row(*(output.shown(_short(one[title])) for title in titles))
    output.console.print(table)


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _print_replay(found: Replay, *, as_json: bool) -> None:
    from dashboard.api.drift_answers import replay_answer
    from dashboard.api.drift_schemas import ReplayOut

    told = ReplayOut(**replay_answer(found)).model_dump(mode="json")
    if as_json:
        output.print_json(told)
        return
    for episode in told["episodes"]:
        line = f"{episode['onset_at']}  {episode['severity']}  {episode['words']}"
        output.console.print(output.shown(line), markup=False, highlight=False)
    count, seen = len(told["episodes"]), told["observations"]
    output.console.print(f"{count} alerts in {seen} observations", highlight=False)


def _json(row: DriftAlert) -> Any:
    from dashboard.api.drift_answers import alert_answer
    from dashboard.api.drift_schemas import DriftAlertOut

    return DriftAlertOut(**alert_answer(row)).model_dump(mode="json")
