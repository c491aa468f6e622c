"""The command that moves into the trash what a policy does not keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import uuid4

import typer

from checkpoints.cli import output
from checkpoints.cli.books import Operated, TrashUrl, operated
from checkpoints.cli.exits import Exit, errors
from checkpoints.cli.opening import DryRun, InThread, Json, Url, Yes, confirm, print_result
from checkpoints.cli.options import OfAgent, Reason, age_of, size_of
from checkpoints.errors import CheckpointError, CheckpointNotFound
from checkpoints.lineage import plan_prune, prunable, remove
from checkpoints.plans import ThreadPrune, ThreadPruned
from checkpoints.records import Kind
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import ReadableStore

T = TypeVar("T")
Last = Annotated[
    list[str] | None,
    typer.Option(
        "--keep-last", metavar="N", help="Keep the newest N of a thread; KIND=N: of one kind."
    ),
]
Within = Annotated[
    list[str] | None,
    typer.Option(
        "--keep-within",
        metavar="AGE",
        help="Keep what is younger, such as 7d or 36h; KIND=AGE: of one kind.",
    ),
]
_NEWEST = "Keep the newest of each of the last N "
Hourly = Annotated[int | None, typer.Option("--hourly", metavar="N", help=f"{_NEWEST}hours.")]
Daily = Annotated[int | None, typer.Option("--daily", metavar="N", help=f"{_NEWEST}days.")]
Weekly = Annotated[int | None, typer.Option("--weekly", metavar="N", help=f"{_NEWEST}weeks.")]
Monthly = Annotated[int | None, typer.Option("--monthly", metavar="N", help=f"{_NEWEST}months.")]
MaxBytes = Annotated[
    str | None,
    typer.Option(
        "--max-bytes", metavar="SIZE", help="Then let the oldest of a thread go until it fits."
    ),
]


def prune(  # noqa: PLR0913, PLR0917 - each is an option
    url: Url,
    reason: Reason,
    agent: OfAgent = None,
    thread: InThread = None,
    keep_last: Last = None,
    keep_within: Within = None,
    hourly: Hourly = None,
    daily: Daily = None,
    weekly: Weekly = None,
    monthly: Monthly = None,
    max_bytes: MaxBytes = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
    trash: TrashUrl = None,
) -> None:
    """Move into the trash what no rule keeps. The head, pins and what these need stay."""
    calendar = {"hourly": hourly, "daily": daily, "weekly": weekly, "monthly": monthly}
    policy = policy_of(keep_last or (), keep_within or (), max_bytes, calendar)
    with operated(url, trash) as on:
        with errors.status("Reading…"):
            plans = _plans(on.store, agent, thread, policy, datetime.now(UTC))
        if not as_json:
            output.print_prunes(plans, whole=dry_run)
        if dry_run or not any(plan.remove for plan in plans):
            result = {"dry_run": dry_run, "plans": [plan.to_dict() for plan in plans]}
            print_result(as_json, result, "Nothing was changed.")
            return
        confirm(yes, "prune")
        _carry_out(on, [plan for plan in plans if plan.remove], reason, as_json)


def policy_of(
    last: Sequence[str],
    within: Sequence[str],
    max_bytes: str | None,
    calendar: dict[str, int | None],
) -> RetentionPolicy:
    """Return the policy that the options name. Raises typer.BadParameter."""
    counts, ages = _by_kind(last, _count), _by_kind(within, age_of)
    ages_of_all = dict.fromkeys(Kind, ages[None]) if None in ages else {}
    try:
        policy = RetentionPolicy(
            last={kind: count for kind, count in counts.items() if kind is not None},
            within=ages_of_all | {kind: age for kind, age in ages.items() if kind is not None},
            newest=counts.get(None),
            max_bytes=None if max_bytes is None else size_of(max_bytes),
            **calendar,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if policy.keeps_all:
        raise typer.BadParameter("name at least one rule, such as --keep-last 20")
    return policy


def _by_kind(given: Sequence[str], value_of: Callable[[str], T]) -> dict[Kind | None, T]:
    """Return values by the kind that they are for; None is for those of every kind."""
    found: dict[Kind | None, T] = {}
    for text in given:
        kind, equals, value = text.rpartition("=")
        try:
            found[Kind(kind) if equals else None] = value_of(value)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    return found


def _count(text: str) -> int:
    if not text.isdecimal():
        raise typer.BadParameter(f"{text!r} is no whole number")
    return int(text)


def _plans(
    store: ReadableStore,
    agent: str | None,
    thread: str | None,
    policy: RetentionPolicy,
    now: datetime,
) -> list[ThreadPrune]:
    prunable(store)
    names = list(_threads(store, agent, thread))
    if not names and (agent or thread):
        raise CheckpointNotFound("there is no such thread here; nothing was changed")
    return [plan_prune(store, *name, policy, now=now) for name in names]


def _threads(
    store: ReadableStore, agent: str | None, thread: str | None
) -> Iterator[tuple[str, str]]:
    for one in list(store.threads()):
        if agent in {None, one.agent_id} and thread in {None, one.thread_id}:
            yield one.agent_id, one.thread_id


def _carry_out(on: Operated, plans: Sequence[ThreadPrune], reason: str, as_json: bool) -> None:
    operation_id, now = str(uuid4()), datetime.now(UTC)
    ended: list[dict[str, Any]] = []
    for part, plan in enumerate(plans):
        try:
            done = _prune_thread(on, plan, operation_id, part, reason, now)
        except CheckpointError as error:
            done = _failed(plan, error, operation_id, others=bool(ended))
        ended.append(_told(plan, done))
    removed = sum(len(one["removed"]) for one in ended)
    stayed = sum(len(one["stayed"]) for one in ended)
    result = {"dry_run": False, "operation_id": operation_id, "threads": ended}
    sentence = (
        f"Done. {removed} checkpoints of {len(ended)} threads lie in the trash; operation "
        f"{operation_id} can be undone until they are swept."
    )
    print_result(as_json, result, sentence)
    for note in dict.fromkeys(note for one in ended for note in one["notes"]):
        errors.print(output.shown(note))
    if stayed:
        for one in ended:
            for name, why in one["stayed"].items():
                errors.print(f"{output.shown(name)} stayed: {output.shown(why)}")
        raise typer.Exit(Exit.FINDINGS)


def _failed(
    plan: ThreadPrune, error: CheckpointError, operation_id: str, *, others: bool
) -> ThreadPruned:
    """Return that nothing of a thread is known to have gone, where others were pruned before.

    Raises the error where there are none, for then it tells all.
    """
    if not others:
        errors.print(f"holdfast undo {operation_id} takes back what may have happened.")
        raise error
    why = f"its thread was not pruned: {error}"
    return ThreadPruned(removed=(), stayed={one.checkpoint_id: why for one in plan.remove})


def _prune_thread(
    on: Operated, plan: ThreadPrune, operation_id: str, part: int, reason: str, now: datetime
) -> ThreadPruned:
    note = {
        "kind": "prune",
        "reason": reason,
        "agent_id": plan.agent_id,
        "thread_id": plan.thread_id,
        "checkpoint_ids": [one.checkpoint_id for one in plan.remove],
    }
    on.book.note(operation_id, part, note, now)
    done = remove(on.store, plan, operation_id=operation_id, now=now, trash=on.trash)
    on.book.note(operation_id, part, {**note, "checkpoint_ids": list(done.removed)}, now)
    return done


def _told(plan: ThreadPrune, done: ThreadPruned) -> dict[str, Any]:
    return {
        "agent_id": plan.agent_id,
        "thread_id": plan.thread_id,
        "removed": list(done.removed),
        "stayed": dict(done.stayed),
        "freed_bytes": done.freed_bytes,
        "notes": list(done.notes),
    }
