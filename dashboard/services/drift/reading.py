"""Numbers out of states: read from the store beside the analysis, the newest first, within budgets.

A scan never reads a state. What was read once is kept, so that it is never read again.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

import checkpoints
from checkpoints.connectors.langgraph_native import load_readable
from checkpoints.drift.metrics import state_metrics, tool_calls
from dashboard.models import AgentWatch, Checkpoint, Source, StateMetrics
from dashboard.selectors.drift_observations import CHECKPOINT, Ref
from dashboard.services.drift.skeletons import skeleton
from dashboard.stores import open_source
from dashboard.unkept import written_out

SECONDS: Final = 3.0
BYTES: Final = 16_000_000
AT_ONCE: Final = 200
LARGEST: Final = 4_000_000
TOO_LARGE: Final = "The state is too large to be read for its numbers."
REST: Final = timedelta(minutes=1)
"""After a store could not be read it is left in peace for so long."""
MOST_CALLS: Final = 100
logger = structlog.get_logger(__name__)


class _TooLarge(Exception):
    """A state of more bytes than are read."""


@dataclass(slots=True, kw_only=True)
class Budget:
    """How long is read at most, and how much; ``clock`` counts seconds."""

    clock: Callable[[], float] = time.monotonic
    seconds: float = SECONDS
    most_bytes: int = BYTES
    spent: int = 0
    begun: float = field(init=False)

    def __post_init__(self) -> None:
        self.begun = self.clock()

    @property
    def is_spent(self) -> bool:
        """Whether no further state is to be read."""
        return self.spent >= self.most_bytes or self.clock() - self.begun >= self.seconds


def read_new(watch: AgentWatch, refs: Sequence[Ref], *, now: datetime, budget: Budget) -> int:
    """Read the states of an agent's newest checkpoints; return of how many.

    Whatever is wrong with the store is noted on the watch, never raised.
    """
    source = watch.agent.source
    resting = watch.states_message and watch.states_read_at and now < watch.states_read_at + REST
    newest = [ref.pk for ref in refs if ref.kind == CHECKPOINT][-AT_ONCE:]
    if not newest or not source.connected or resting:
        return 0
    read, message = read_rows(source, unread(newest), now=now, budget=budget)
    AgentWatch.objects.filter(pk=watch.pk).update(states_read_at=now, states_message=message)
    return read


def unread(pks: Sequence[int]) -> list[Checkpoint]:
    """Return those rows whose states nobody has read, in their order of time."""
    rows = Checkpoint.objects.filter(pk__in=pks, state_metrics=None, removed_at=None)
    return list(rows.select_related("thread__agent").order_by("created_at", "pk"))


def read_rows(
    source: Source, rows: Sequence[Checkpoint], *, now: datetime, budget: Budget
) -> tuple[int, str]:
    """Read states of one source, the newest first; return of how many, and what went wrong."""
    if not rows:
        return 0, ""
    found: list[StateMetrics] = []
    message = ""
    try:
        with open_source(source) as store:
            for row in reversed(rows):
                if budget.is_spent:
                    break
                found.append(_read(store, row, now, budget))
    except Exception as error:  # noqa: BLE001 - a store can fail in any way; the analysis must not
        logger.warning("states not read", source=source.pk, error=repr(error))
        message = _words(error)
    StateMetrics.objects.bulk_create(reversed(found), ignore_conflicts=True)
    return len(found), message


def _read(
    store: checkpoints.ReadableStore, row: Checkpoint, now: datetime, budget: Budget
) -> StateMetrics:
    """Read one state; what is wrong with it alone is noted with it."""
    made = StateMetrics(checkpoint=row, agent_id=row.thread.agent_id, read_at=now)
    try:
        _require_small(row.size, row.stored_size)
        _tell(made, store, row, budget)
    except (checkpoints.TransientStoreError, checkpoints.PermanentStoreError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - a state can break what reads it in any way
        made.message = _words(error)
        if isinstance(error, checkpoints.CorruptCheckpoint):
            Checkpoint.objects.filter(pk=row.pk, damage="").update(damage=made.message)
    return made


def _tell(
    made: StateMetrics, store: checkpoints.ReadableStore, row: Checkpoint, budget: Budget
) -> None:
    """Read a state and put down what it tells, with names as every database keeps them."""
    thread, namespace = row.thread.thread_id, row.namespace
    record = store.get(row.checkpoint_id, thread_id=thread, namespace=namespace)
    state, size = _load(store, record, budget)
    calls = [dataclasses.asdict(call) for call in _calls(store, row, state, budget)]
    made.values = {written_out(name): value for name, value in state_metrics(state).items()}
    made.shape = skeleton(state)
    made.calls = [{name: written_out(said) for name, said in call.items()} for call in calls]
    made.bytes_read = size


def _require_small(*sizes: int | None) -> None:
    if max(size or 0 for size in sizes) > LARGEST:
        raise _TooLarge


def _load(
    store: checkpoints.ReadableStore, record: checkpoints.Checkpoint, budget: Budget
) -> tuple[dict[str, Any], int]:
    """Return a state and its size, which may be another than when it was listed."""
    _require_small(record.size, record.stored_size)
    size = record.size or record.stored_size or 0
    budget.spent += size
    return dict(load_readable(store, record)), size


def _calls(
    store: checkpoints.ReadableStore, row: Checkpoint, state: Mapping[str, Any], budget: Budget
) -> Iterator[Any]:
    """Yield the tool calls that are new in a state, as far as the one before it can be read."""
    before: Mapping[str, Any] | None = None
    if row.parent_id:
        if not tool_calls(state):
            return
        try:
            record = store.get(row.parent_id, thread_id=row.thread.thread_id)
            before, _ = _load(store, record, budget)
        except (checkpoints.CheckpointError, _TooLarge):
            return
    yield from tool_calls(state, before)[-MOST_CALLS:]


def _words(error: Exception) -> str:
    if isinstance(error, _TooLarge):
        return TOO_LARGE
    known = isinstance(error, checkpoints.CheckpointError)
    words = str(error) if known else f"The states could not be read ({type(error).__name__})."
    return written_out(words)
