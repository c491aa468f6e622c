"""Measuring a source: its store as a whole, the fields of its threads, what policies would free.

One worker at a time has a source, by a lease. Threads are looked at once a day where they changed,
the largest first, as long as the round's time lasts; the next round goes on. A thread that cannot
be measured says why and waits until the next day, also where the worker died of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db.models import F, Q

import checkpoints
from dashboard.models import Source, SourceStorage, Thread, ThreadStorage
from dashboard.services.storage.estimating import estimate
from dashboard.services.storage.fields import measure_thread
from dashboard.stores import open_source

LEASE = timedelta(minutes=10)
SECONDS = 20.0
"""How long one round works at the fields of a source, and as long again at its estimates."""
AGAIN = timedelta(hours=1)
GOES_ON = timedelta(minutes=1)
ONCE_IN = timedelta(hours=23)
"""How old a measure is before a thread that changed is measured again: about once a day."""
AT_ONCE = 200
NOT_MEASURABLE = "Its connector cannot say what its fields take."
logger = structlog.get_logger(__name__)
Now = Callable[[], datetime]


class LeaseLost(Exception):
    """Another worker has taken the source over."""


@dataclass(slots=True)
class Round:
    """One worker's turn at a source."""

    source: Source
    now: Now
    lease: datetime
    clock: Callable[[], float]
    ends: float = 0.0

    def begin_part(self) -> None:
        """Give the next part of the round its time."""
        self.ends = self.clock() + SECONDS

    def has_time(self) -> bool:
        """Say whether there is time for another thread, and hold on to the source for it."""
        if self.clock() >= self.ends:
            return False
        lease = self.now() + LEASE
        if lease > self.lease:
            held = SourceStorage.objects.filter(source=self.source, lease_until=self.lease)
            if not held.update(lease_until=lease):
                raise LeaseLost
            self.lease = lease
        return True


def measure_source(
    *, source_id: int, now: Now, clock: Callable[[], float] = time.monotonic
) -> bool:
    """Measure what is due of a source; say whether that was all. ``clock`` counts seconds.

    Whatever goes wrong with the store is noted, never raised.
    """
    lease = now() + LEASE
    if not _claim(source_id, lease, now()):
        return False
    source = Source.objects.select_related("project").get(pk=source_id)
    turn = Round(source=source, now=now, lease=lease, clock=clock)
    try:
        done, message = _measure(turn)
    except LeaseLost:
        return False
    SourceStorage.objects.filter(source=source, lease_until=turn.lease).update(
        lease_until=None,
        hinted_at=None,
        next_at=now() + (AGAIN if done else GOES_ON),
        message=message,
    )
    return done


def _claim(source_id: int, lease: datetime, now: datetime) -> bool:
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    rows = SourceStorage.objects.filter(free, source=source_id, next_at__lte=now)
    return bool(rows.update(lease_until=lease))


def _measure(turn: Round) -> tuple[bool, str]:
    """Do what there is time for; return whether that was all, and what stood in the way."""
    message = ""
    try:
        done = _look(turn)
    except LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001 - a store can fail in any way; the round must not
        logger.warning("source not measured", source=turn.source.pk, error=repr(error))
        done, message = True, _words(error)
    turn.begin_part()
    return estimate(turn.source, turn.has_time, turn.now) and done, message


def _look(turn: Round) -> bool:
    """Measure the store and the threads that are due."""
    if not turn.source.connected:
        turn.begin_part()
        return _threads(turn, None)
    with open_source(turn.source) as store:
        measurable = store if isinstance(store, checkpoints.MeasurableStore) else None
        if measurable is not None:
            _note_space(turn, measurable.space())
        turn.begin_part()
        return _threads(turn, measurable)


def _note_space(turn: Round, space: checkpoints.Space) -> None:
    SourceStorage.objects.filter(source=turn.source).update(
        measured_at=turn.now(),
        whole_bytes=space.stored,
        orphaned_bytes=space.orphaned,
        free_bytes=space.free,
    )


def _threads(turn: Round, store: checkpoints.MeasurableStore | None) -> bool:
    for thread in _due(turn):
        if not turn.has_time():
            return False
        _one(thread, store, turn.now())
    return True


def _due(turn: Round) -> Iterator[Thread]:
    """Yield the threads to be measured, largest first, as they are when their turn comes."""
    changed = ~Q(
        storage__measured_count=F("checkpoint_count"), storage__measured_stored=F("stored_bytes")
    )
    rested = Q(storage__measured_at=None) | Q(storage__measured_at__lt=turn.now() - ONCE_IN)
    rows = Thread.objects.filter(changed, rested, agent__source=turn.source)
    rows = rows.select_related("agent").order_by("-stored_bytes", "pk")
    while some := list(rows[:AT_ONCE]):
        yield from some


def _one(thread: Thread, store: checkpoints.MeasurableStore | None, now: datetime) -> None:
    """Measure a thread; note first that it was begun, in case nobody comes back from it."""
    held = {"checkpoint_count": thread.checkpoint_count, "stored_bytes": thread.stored_bytes}
    ThreadStorage.objects.get_or_create(thread=thread, defaults=held)
    row = ThreadStorage.objects.filter(thread=thread)
    row.update(
        measured_at=now,
        measured_count=thread.checkpoint_count,
        measured_stored=thread.stored_bytes,
        message="Measuring it was begun and never came back. It is tried again in a day.",
    )
    try:
        measure_thread(thread, store, now)
    except Exception as error:  # noqa: BLE001 - one broken thread must not stop the others
        logger.warning("thread not measured", thread=thread.pk, error=repr(error))
        row.update(message=_words(error))
    else:
        row.update(message="" if store is not None else NOT_MEASURABLE)


def _words(error: Exception) -> str:
    known = isinstance(error, checkpoints.CheckpointError)
    return str(error) if known else f"It could not be measured ({type(error).__name__})."
