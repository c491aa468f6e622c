"""How commands show things: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.markup import escape
from rich.table import Table

from checkpoints.diffs import Change, ChangeKind
from checkpoints.impact import Impact, sentences
from checkpoints.plans import ForkPlan, ThreadErasure, ThreadPrune
from checkpoints.presentation import one_line, presentable, summarised
from checkpoints.records import Checkpoint, RestorePlan
from checkpoints.selftest import Outcome, Verdict

console = Console(soft_wrap=True)
if not console.is_terminal:
    console.width = 200
_SIGNS = {
    ChangeKind.ADDED: "[green]+[/]",
    ChangeKind.REMOVED: "[red]-[/]",
    ChangeKind.CHANGED: "[yellow]~[/]",
}
_COLOURS = {
    Verdict.HELD: "green",
    Verdict.DID_NOT_HOLD: "bold red",
    Verdict.NOT_POSSIBLE: "yellow",
}
MAX_SHOWN = 160


def print_json(value: Any) -> None:
    """Write one JSON document to standard output, in ASCII: no terminal can be fooled by it."""
    print(json.dumps(value, indent=2))


def shown(text: object) -> str:
    """Return a text that can be put into a line of output, whatever it holds."""
    return escape(one_line(str(text)))


def print_records(records: Iterable[Checkpoint]) -> None:
    """Print records as a table."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("checkpoint", no_wrap=True, min_width=36)
    for name in ("agent", "thread", "step", "kind", "status"):
        table.add_column(name, overflow="fold")
    table.add_column("saved", no_wrap=True)
    table.add_column("stored", justify="right", no_wrap=True)
    for record in records:
        table.add_row(*_cells(record))
    console.print(table)


def _cells(record: Checkpoint) -> tuple[str, ...]:
    thread = f"{record.thread_id} ({record.namespace})" if record.namespace else record.thread_id
    step = f"{record.step} {record.step_name}" if record.step_name else str(record.step)
    saved = record.created_at.strftime("%Y-%m-%d %H:%M:%S")
    status = f"[red]damaged[/] {shown(record.damage)}" if record.damage else str(record.status)
    texts = (record.id, record.agent_id, thread, step)
    return (
        *(shown(t) for t in texts),
        str(record.kind),
        status,
        saved,
        size(record.stored_size),
    )


def size(count: int | None) -> str:
    """Return a size as people write it; unknown is a dash."""
    if count is None:
        return "–"
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1e3:.1f} KB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def print_sizes(
    names: tuple[str, str], rows: Iterable[tuple[str, str, int, int | None, int | None]]
) -> None:
    """Print what takes space: two names, a count, the size before compression and as stored."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for name in ("checkpoints", "before compression", "stored"):
        table.add_column(name, justify="right", no_wrap=True)
    for first, second, count, plain, stored in rows:
        table.add_row(shown(first), shown(second), f"{count:,}", size(plain), size(stored))
    console.print(table)


def print_record(record: Checkpoint, state: Any) -> None:
    """Print one record and its state."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in record.to_dict().items():
        if value not in (None, "", [], {}):
            table.add_row(name, shown(value))
    console.print(table)
    console.print()
    console.print(JSONHighlighter()(_readable_json(state)))


def _readable_json(value: Any) -> str:
    """Return JSON in which everything that is no printable character is escaped."""
    text = json.dumps(presentable(value), indent=2, ensure_ascii=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def print_changes(changes: list[Change]) -> None:
    """Print differences, one line each."""
    if not changes:
        console.print("no difference")
    for change in changes:
        path = ".".join(str(step) for step in change.path) or "(the whole state)"
        console.print(f"{_SIGNS[change.kind]} {shown(path)}{_values(change)}", highlight=False)


def _values(change: Change) -> str:
    if change.kind is ChangeKind.ADDED:
        return f" = {_short(change.after)}"
    if change.kind is ChangeKind.REMOVED:
        return f" (was {_short(change.before)})"
    return f": {_short(change.before)} → {_short(change.after)}"


def _short(value: Any) -> str:
    text = json.dumps(presentable(value), ensure_ascii=False)
    return shown(
        text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}… ({len(text)} characters)"
    )


def print_plan(plan: RestorePlan) -> None:
    """Print what a restore would do."""
    console.print(f"Thread    {shown(plan.thread_id)} of agent {shown(plan.agent_id)}")
    console.print(f"Head now  {shown(plan.expected_head or '–')}")
    console.print(f"Restore   {shown(plan.targets[0].checkpoint_id)}")
    for target in plan.targets[1:]:
        console.print(f"  and     {shown(target.namespace)}: {shown(target.checkpoint_id)}")
    if plan.superseded:
        console.print(f"A branch  {len(plan.superseded)} later checkpoints, all kept")
    if plan.rerun_steps:
        console.print(f"Run again {shown(summarised(plan.rerun_steps))}")
    for warning in plan.warnings:
        console.print(f"[yellow]Mind[/]      {shown(warning)}")


def print_impact(impact: Impact) -> None:
    """Print what a restore would mean for the agent."""
    for line in sentences(impact):
        console.print(f"Means     {shown(line)}", highlight=False)


def print_fork(plan: ForkPlan) -> None:
    """Print what a fork would do."""
    console.print(f"Thread    {shown(plan.thread_id)} of agent {shown(plan.agent_id)}")
    console.print(f"Begin at  {shown(plan.targets[0].checkpoint_id)}")
    console.print(f"As        {shown(plan.new_thread_id)} of agent {shown(plan.new_agent_id)}")
    for edit in plan.edits:
        path = ".".join(str(part) for part in edit.path)
        value = "is taken away" if edit.remove else f"= {_short(edit.value)}"
        console.print(f"Edit      {shown(path)} {value}", highlight=False)
    if plan.rerun_steps:
        console.print(f"Run again {shown(summarised(plan.rerun_steps))}")
    for warning in plan.warnings:
        console.print(f"[yellow]Mind[/]      {shown(warning)}")


def print_prunes(plans: Sequence[ThreadPrune], *, whole: bool) -> None:
    """Print what would go of threads; ``whole``: and why each checkpoint that stays does."""
    for plan in plans:
        console.print(
            f"Thread    {shown(plan.thread_id)} of agent {shown(plan.agent_id)}: "
            f"{len(plan.keep)} stay, {len(plan.remove)} go ({size(plan.removed_bytes)})",
            highlight=False,
        )
        for kept in plan.keep if whole else ():
            console.print(f"  stays   {shown(kept.checkpoint_id)} {shown(kept.reason)}")
        for reason, count in Counter(one.reason for one in plan.remove).items():
            console.print(f"  go      {count}: {shown(reason)}", highlight=False)
        for note in plan.notes:
            console.print(f"  [yellow]Mind[/]    {shown(note)}")
    going = sum(len(plan.remove) for plan in plans)
    console.print(f"{going} checkpoints go into the trash.", highlight=False)


def print_erasures(plans: Sequence[ThreadErasure]) -> None:
    """Print what would be erased."""
    for plan in plans:
        what = "the whole thread" if plan.whole else "of it"
        console.print(
            f"Thread    {shown(plan.thread_id)} of agent {shown(plan.agent_id)}: "
            f"{len(plan.targets)} checkpoints, {what}",
            highlight=False,
        )
    count = sum(len(plan.targets) for plan in plans)
    console.print(f"{count} checkpoints are deleted for good; this cannot be undone.")


def print_outcome(outcome: Outcome) -> None:
    """Print how one check of a store ended."""
    colour = _COLOURS[outcome.verdict]
    verdict = f"[{colour}]{outcome.verdict:<17}[/]"
    console.print(f"{verdict} {outcome.check:<11} {outcome.seconds:6.2f} s  {outcome.promise}")
    if outcome.reason:
        console.print(f"{'':<18}{shown(outcome.reason)}")
