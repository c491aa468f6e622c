"""Detectors of what is no number, each beside a naive rule on the same histories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from benchmarks.drift.generators.calls import call_runs, names_repeat
from benchmarks.drift.generators.errors import error_series
from benchmarks.drift.generators.gaps import daily_series, gap_series, median_gaps
from benchmarks.drift.generators.groups import GOAL, deployments, groups, plans
from benchmarks.drift.generators.schemas import schema_differs, schema_series
from benchmarks.drift.labelled import Score, lines, scored
from benchmarks.drift.tables import Comparison, goals
from benchmarks.drift.tau import successful_runs
from benchmarks.measure import Bound, Row
from checkpoints.drift.deployments import DeploymentDetector
from checkpoints.drift.divergence import GoalDivergence
from checkpoints.drift.error_rate import BinaryDetector
from checkpoints.drift.groups import GroupDetector
from checkpoints.drift.loops import LoopDetector
from checkpoints.drift.schemas import SchemaDetector
from checkpoints.drift.stalls import StallDetector

Rows = Sequence[dict[str, Any]]
Signals = Callable[[dict[str, Any]], list[int]]
SEED = 11


def tables() -> Iterator[Comparison]:
    """Yield the goals, then each detector beside its naive rule."""
    yield goals("Error rates, loops, stalls and schemas: goals", _goals())
    headings = ("kind", "F1", "false alarms per 1,000", "naive F1", "naive per 1,000", "naive rule")
    rows = [_row(*entry) for entry in _contests()]
    yield Comparison(title="Beside a naive rule", headings=headings, rows=rows)


def of_errors(row: dict[str, Any]) -> list[int]:
    """Return where a rise of the error rate is signalled."""
    detector = BinaryDetector()
    return [place for place, failed in enumerate(row["x"]) if detector.update(failed)]


def of_calls(row: dict[str, Any]) -> list[int]:
    """Return where a loop is signalled."""
    detector = LoopDetector()
    return [
        place
        for place, call in enumerate(row["x"])
        if detector.update(call.tool, call.arguments, call.result)
    ]


def of_gaps(row: dict[str, Any]) -> list[int]:
    """Return where a stall is signalled."""
    detector = StallDetector()
    return [place for place, at in enumerate(row["x"]) if detector.update(at)]


def of_days(row: dict[str, Any]) -> list[int]:
    """Return where a stall is signalled from the third day on."""
    return [place for place in of_gaps(row) if row["x"][place] - row["x"][0] > 2 * 86_400]


def of_states(row: dict[str, Any]) -> list[int]:
    """Return where a change of form is signalled."""
    detector = SchemaDetector()
    return [place for place, state in enumerate(row["x"]) if detector.update(state)]


def of_groups(row: dict[str, Any]) -> list[int]:
    """Return where a group is said to disagree."""
    detector = GroupDetector()
    return [place for place, update in enumerate(row["x"]) if detector.update(*update)]


def of_deployments(row: dict[str, Any]) -> list[int]:
    """Return where a deployment is said to differ."""
    detector = DeploymentDetector()
    return [place for place, one in enumerate(row["x"]) if detector.update(*one)]


def of_plans(row: dict[str, Any]) -> list[int]:
    """Return where a plan is said to have left its goal."""
    detector = GoalDivergence()
    return [place for place, plan in enumerate(row["x"]) if detector.update(GOAL, plan)]


def three_failures(row: dict[str, Any]) -> list[int]:
    """The naive rule: signal where three of the last five steps failed and did not before."""
    last = [sum(row["x"][max(0, place - 4) : place + 1]) >= 3 for place in range(len(row["x"]))]
    return [place for place in range(len(last)) if last[place] and not (place and last[place - 1])]


@cache
def _errors() -> Rows:
    return list(lines("errors_dev.jsonl.gz"))


@cache
def _runs() -> Rows:
    return list(call_runs(SEED, count=1000, real=[run for run in successful_runs() if run]))


@cache
def _gaps() -> Rows:
    return list(gap_series(SEED, each=20))


@cache
def _states() -> Rows:
    return list(schema_series(SEED, each=5))


def _goals() -> Iterator[Row]:
    yield _f1("error rate, labelled series", _errors(), of_errors, 0.80)
    yield _f1("error rate, series by chance", list(error_series(SEED)), of_errors, 0.80)
    yield _f1("loops put into runs", _runs(), of_calls, 0.85)
    alarms = sum(len(of_calls({"x": run})) for run in successful_runs())
    count = len(successful_runs())
    yield Row(name="alarms on successful tau-bench runs", value=alarms, unit="", goal=0,
              bound=Bound.EXACTLY, note=f"{count} runs with the full reward")  # fmt: skip
    yield _f1("stalls", _gaps(), of_gaps, 0.92)
    yield _f1("schema", _states(), of_states, 0.97)


def _f1(name: str, rows: Rows, signals: Signals, goal: float) -> Row:
    score = scored(rows, signals)["all"]
    note = f"{len(rows)} series, {score.per_thousand:.2f} false alarms per 1,000, {_delay(score)}"
    return Row(
        name=name, value=round(score.f1, 3), unit="F1", goal=goal, bound=Bound.AT_LEAST, note=note
    )


def _delay(score: Score) -> str:
    return f"median delay {score.delay or 0:g}"


def _contests() -> Iterator[tuple[str, Rows, Signals, Signals | None, str]]:
    """Yield names, rows, our signals, those of the naive rule, and what that is."""
    yield "error rate", _errors(), of_errors, three_failures, "three of five failed"
    rule = "a tool called three times in a row"
    yield "loops", _runs(), of_calls, lambda row: names_repeat(row["x"]), rule
    rule = "three times the mean gap"
    yield "stalls", _gaps(), of_gaps, lambda row: median_gaps(row["x"]), rule
    days = list(daily_series(SEED, days=8, each=20))
    yield "stalls of daily workers", days, of_days, lambda row: median_gaps(row["x"]), rule
    rule = "other names or types than before"
    yield "schema", _states(), of_states, lambda row: schema_differs(row["x"]), rule
    yield "groups", list(groups(SEED)), of_groups, None, ""
    yield "deployments", list(deployments(SEED)), of_deployments, None, ""
    yield "goal and plan", list(plans(SEED)), of_plans, None, ""


def _row(name: str, rows: Rows, ours: Signals, naive: Signals | None, rule: str) -> list[str]:
    cells = [name, *_figures(scored(rows, ours)["all"])]
    return [*cells, *(_figures(scored(rows, naive)["all"]) if naive else ("", "")), rule]


def _figures(score: Score) -> tuple[str, str]:
    return f"{score.f1:.3f}", f"{score.per_thousand:.2f}"
