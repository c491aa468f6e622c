"""The entries of a prune's plan, a page at a time: each checkpoint that goes or stays, and why.

A plan may hold 100,000; only those of one page are made into rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dashboard.access import visible
from dashboard.models import Checkpoint, Operation, OperationKind, OperationState, User
from dashboard.selectors.errors import NotFound

PAGE = 100
THREADS = 200
GOES, STAYS = "goes", "stays"
FOREIGN = ("kaizen", "langgraph")
"""Begin the kinds of stores whose bytes come back at once: their trash lies elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One checkpoint of a plan; ``row`` is the index's, while it has one."""

    checkpoint_id: str
    reason: str
    stored_size: int | None
    agent_id: str
    thread_id: str
    row: Checkpoint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedThread:
    """One thread of a plan. ``number`` is its place in it."""

    number: int
    agent_id: str
    thread_id: str
    goes: int
    stays: int
    removed_bytes: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesPage:
    """A page of a plan's entries that go, or that stay; ``next_after`` is None behind the last."""

    operation: Operation
    show: str
    thread: PlannedThread | None
    threads: tuple[PlannedThread, ...]
    thread_count: int
    entries: tuple[Entry, ...]
    next_after: int | None
    goes: int
    stays: int
    removed_bytes: int

    @property
    def freed_at_once(self) -> int:
        """How many bytes the store gives back before the grace is over."""
        foreign = self.operation.source.kind.startswith(FOREIGN)
        return self.removed_bytes if foreign else 0


def entries_page(
    *,
    user: User,
    operation_id: UUID,
    show: str = GOES,
    thread: int | None = None,
    after: int = 0,
) -> EntriesPage:
    """Return a page of what a prune's plan says. Raises NotFound."""
    operation = _find(user, operation_id)
    parts: list[Mapping[str, Any]] = [part[0] for part in operation.plan["parts"]]
    if thread is not None and thread >= len(parts):
        raise NotFound("The plan has no such thread; open it without one.")
    show = STAYS if show == STAYS else GOES
    shown = parts if thread is None else [parts[thread]]
    threads = tuple(_thread(number, part) for number, part in enumerate(parts))
    found = _slice(shown, show, after, PAGE + 1)
    return EntriesPage(
        operation=operation,
        show=show,
        thread=threads[thread] if thread is not None else None,
        threads=tuple(sorted(threads, key=lambda one: -one.goes)[:THREADS]),
        thread_count=len(threads),
        entries=_entries(operation, show, found[:PAGE]),
        next_after=after + PAGE if len(found) > PAGE else None,
        goes=sum(one.goes for one in threads),
        stays=sum(one.stays for one in threads),
        removed_bytes=sum(one.removed_bytes for one in threads),
    )


def _find(user: User, operation_id: UUID) -> Operation:
    related = ("source", "agent", "thread__agent")
    rows = visible(user, Operation.objects.select_related(*related), "source__project")
    found = rows.defer("result").filter(pk=operation_id, kind=OperationKind.PRUNE).first()
    mine = found is not None and found.requested_by_id in (None, user.pk)
    if found is None or (found.state == OperationState.DRAFT and not mine):
        raise NotFound("There is no such prune. Look for it in the list of operations.")
    return found


def _thread(number: int, part: Mapping[str, Any]) -> PlannedThread:
    return PlannedThread(
        number=number,
        agent_id=part["agent_id"],
        thread_id=part["thread_id"],
        goes=len(part["remove"]),
        stays=len(part["keep"]),
        removed_bytes=sum(entry[4] or 0 for entry in part["remove"]),
        notes=tuple(part["notes"]),
    )


def _slice(
    parts: Iterable[Mapping[str, Any]], show: str, after: int, size: int
) -> list[tuple[Mapping[str, Any], Sequence[Any]]]:
    """Return some entries of all threads in their order, each with its thread."""
    found: list[tuple[Mapping[str, Any], Sequence[Any]]] = []
    for part in parts:
        entries = part["remove" if show == GOES else "keep"]
        wanted = entries[after : after + size - len(found)]
        found += [(part, entry) for entry in wanted]
        after = max(0, after - len(entries))
        if len(found) == size:
            break
    return found


def _entries(
    operation: Operation, show: str, found: Sequence[tuple[Mapping[str, Any], Sequence[Any]]]
) -> tuple[Entry, ...]:
    ids = [entry[0] for _, entry in found]
    rows = Checkpoint.objects.select_related("thread__agent").filter(
        thread__agent__source=operation.source_id, checkpoint_id__in=ids
    )
    indexed = {
        (row.thread.agent.agent_id, row.thread.thread_id, row.namespace, row.checkpoint_id): row
        for row in rows
    }
    return tuple(_entry(part, entry, show, indexed.get(_key(part, entry))) for part, entry in found)


def _key(part: Mapping[str, Any], entry: Sequence[Any]) -> tuple[str, str, str, str]:
    return part["agent_id"], part["thread_id"], entry[1], entry[0]


def _entry(
    part: Mapping[str, Any], entry: Sequence[Any], show: str, row: Checkpoint | None
) -> Entry:
    known = row.stored_size if row is not None else None
    return Entry(
        checkpoint_id=entry[0],
        reason=part["reasons"][entry[2]],
        stored_size=entry[4] if show == GOES else known,
        agent_id=part["agent_id"],
        thread_id=part["thread_id"],
        row=row,
    )
