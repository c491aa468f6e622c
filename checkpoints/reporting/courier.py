"""Taking items up without ever raising, and beginning and ending their delivery."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable

from checkpoints.forks import renew_in_children
from checkpoints.reporting.counters import Counters, Tally
from checkpoints.reporting.delivery import Delivery
from checkpoints.reporting.inbox import Inbox
from checkpoints.reporting.items import Entry, Item, Lane
from checkpoints.reporting.notices import Notices
from checkpoints.reporting.settings import Settings


class Courier:
    """Runs a delivery from the first item to ``close``, and another one after that."""

    def __init__(self, settings: Settings, inbox: Inbox) -> None:
        self._settings = settings
        self._inbox = inbox
        self._tally = Tally()
        self._notices = Notices()
        self._lock = threading.Lock()
        self._running: Delivery | None = None
        self._last: Delivery | None = None
        renew_in_children(self)

    @property
    def counters(self) -> Counters:
        """What became of every item so far."""
        last, tally = self._last, self._tally
        return Counters(
            sent=tally["sent"],
            waiting=tally["queued"] + (last.spool.in_memory if last else 0),
            spooled=last.spool.on_disk if last else 0,
            dropped=tally["dropped"],
            refused=tally["refused"],
            retries=tally["retries"],
            spool_errors=tally["spool_errors"],
        )

    def offer(self, lane: Lane, store_url: str | None, build: Callable[[], Item]) -> None:
        """Take up what ``build`` describes; whatever goes wrong is counted, never raised."""
        try:
            entry = Entry(lane=lane, source_url=_required(store_url), item=build())
            with self._lock:
                self._started().put(entry)
        except Exception as error:  # noqa: BLE001 - reporting must not fail an agent
            self._tally.add("dropped")
            told = f"{type(error).__name__}: {error}"
            self._notices.warn("offer", f"something could not be reported: {told}")

    def close(self, timeout: float) -> None:
        """Send what waits, for at most ``timeout`` seconds; the rest stays in the spool."""
        with self._lock:
            ending, self._running = self._running, None
            if ending is not None:
                ending.stop()
        if ending is not None:
            atexit.unregister(self._close_in_the_end)
            ending.join(timeout)

    def after_fork(self) -> None:
        """Begin with nothing: what waits is the parent's to send."""
        if self._last is not None:
            self._last.spool.abandon()
        self._lock = threading.Lock()
        self._running = None
        self._last = None
        self._tally.after_fork()
        self._inbox.after_fork()

    def _started(self) -> Delivery:
        """Return the running delivery. Raises RuntimeError while the interpreter shuts down."""
        if self._running is None:
            delivery = Delivery(self._settings, self._tally, self._inbox, self._notices)
            delivery.start()
            self._running = self._last = delivery
            atexit.register(self._close_in_the_end)
        return self._running

    def _close_in_the_end(self) -> None:
        self.close(self._settings.bounds.timeout)


def _required(store_url: str | None) -> str:
    if store_url is None:
        raise LookupError("in which store its thread lies was never told")
    return store_url
