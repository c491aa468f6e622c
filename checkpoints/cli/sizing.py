"""The command that says what takes a store's space, by thread and by field."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from checkpoints.cli import output
from checkpoints.cli.exits import errors
from checkpoints.cli.opening import InThread, Json, Url, opened
from checkpoints.errors import CheckpointError
from checkpoints.measures import FieldSize, Space
from checkpoints.records import Thread
from checkpoints.stores.base import ReadableStore
from checkpoints.stores.measurable import MeasurableStore


class By(StrEnum):
    """What the space is told by."""

    THREADS = "threads"
    FIELDS = "fields"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSize:
    """What a thread's checkpoints take; None where not each of them tells."""

    agent_id: str
    thread_id: str
    checkpoints: int
    size: int | None
    stored_size: int | None


Limit = Annotated[int, typer.Option(min=1, help="Only the N largest.")]


def storage(
    url: Url,
    thread: InThread = None,
    by: Annotated[By, typer.Option(help="Threads or fields.")] = By.THREADS,
    limit: Limit = 30,
    as_json: Json = False,
) -> None:
    """Say what takes a store's space. With --by fields every state is read, which may take long."""
    with opened(url) as store, errors.status("Measuring…"):
        measurable = store if isinstance(store, MeasurableStore) else None
        space = measurable.space() if measurable is not None else Space()
        threads = [one for one in store.threads() if thread in (None, one.thread_id)]
        sizes = sorted((_of_thread(store, one) for one in threads), key=_largest_first)
        fields = _fields(measurable, threads) if by is By.FIELDS else []
    if as_json:
        output.print_json(_as_json(space, sizes[:limit], fields[:limit], by))
        return
    _print_space(space, sizes)
    if by is By.FIELDS:
        _print_fields(fields[:limit], told=measurable is not None)
    else:
        _print_threads(sizes[:limit])


def _of_thread(store: ReadableStore, thread: Thread) -> ThreadSize:
    records = store.history(thread.agent_id, thread.thread_id)
    return ThreadSize(
        agent_id=thread.agent_id,
        thread_id=thread.thread_id,
        checkpoints=len(records),
        size=_sum(record.size for record in records),
        stored_size=_sum(record.stored_size for record in records),
    )


def _largest_first(one: ThreadSize) -> tuple[int, str, str]:
    return -(one.stored_size or one.size or 0), one.agent_id, one.thread_id


def _sum(sizes: Iterable[int | None]) -> int | None:
    """Return the sum, None where one of them is not known."""
    found = list(sizes)
    known = [size for size in found if size is not None]
    return sum(known) if len(known) == len(found) else None


def _fields(store: MeasurableStore | None, threads: Iterable[Thread]) -> list[FieldSize]:
    """Return the fields of some threads, added up; what cannot be read is named on stderr."""
    sums: dict[tuple[str, str | None], FieldSize] = {}
    for one in _told(store, threads) if store is not None else ():
        key = (one.field, one.written_by)
        sums[key] = _added(sums[key], one) if key in sums else one
    return sorted(sums.values(), key=lambda one: (-one.size, one.field, one.written_by or ""))


def _told(store: MeasurableStore, threads: Iterable[Thread]) -> Iterator[FieldSize]:
    for thread in threads:
        try:
            yield from store.field_sizes(thread.agent_id, thread.thread_id)
        except CheckpointError as error:
            name = output.shown(thread.thread_id)
            errors.print(f"[yellow]skipped[/] {name}: {output.shown(error)}")


def _added(one: FieldSize, other: FieldSize) -> FieldSize:
    return dataclasses.replace(
        one,
        checkpoints=one.checkpoints + other.checkpoints,
        size=one.size + other.size,
        stored_size=_sum((one.stored_size, other.stored_size)),
    )


def _as_json(
    space: Space, threads: list[ThreadSize], fields: list[FieldSize], by: By
) -> dict[str, Any]:
    rows = fields if by is By.FIELDS else threads
    return {
        "space": dataclasses.asdict(space),
        str(by): [dataclasses.asdict(row) for row in rows],
    }


def _print_space(space: Space, threads: list[ThreadSize]) -> None:
    named = {
        "Store": space.stored,
        "Checkpoints": _sum(one.stored_size for one in threads),
        "Trash": space.trashed,
        "Orphaned": space.orphaned,
        "Free": space.free,
    }
    for name, size in named.items():
        output.console.print(f"{name:<12} {output.size(size)}", highlight=False)
    output.console.print()


def _print_threads(threads: list[ThreadSize]) -> None:
    rows = [
        (one.thread_id, one.agent_id, one.checkpoints, one.size, one.stored_size) for one in threads
    ]
    output.print_sizes(("thread", "agent"), rows)


def _print_fields(fields: list[FieldSize], *, told: bool) -> None:
    if not told:
        output.console.print("This kind of store cannot say what its fields take.")
        return
    rows = [
        (one.field, one.written_by or "–", one.checkpoints, one.size, one.stored_size)
        for one in fields
    ]
    output.print_sizes(("field", "written by"), rows)
