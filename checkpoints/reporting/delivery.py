"""The two threads of a reporter: one from memory to the disk, one from the disk to the dashboard.

They are apart so that a dashboard that hangs never keeps an item from the disk.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable

from checkpoints.reporting.counters import Tally
from checkpoints.reporting.inbox import Inbox
from checkpoints.reporting.items import Entry, Lane
from checkpoints.reporting.lines import Unsendable, encoded
from checkpoints.reporting.notices import Notices
from checkpoints.reporting.sender import ADOPT_SECONDS, Sender
from checkpoints.reporting.settings import Settings
from checkpoints.reporting.spool import Spool

LINGER_SECONDS = 0.05
"""How long an item waits for others, to go to the disk and to the dashboard with them."""


class Delivery:
    """Items on their way, from the first report to the close that follows it."""

    def __init__(self, settings: Settings, tally: Tally, inbox: Inbox, notices: Notices) -> None:
        self._settings = settings
        self._tally = tally
        self._notices = notices
        self.spool = Spool(settings, tally, notices)
        self._queue: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._news = threading.Event()
        self._sender = Sender(
            settings,
            spool=self.spool,
            tally=tally,
            inbox=inbox,
            notices=notices,
            closing=self._closing,
        )
        self._writing = threading.Thread(target=self._write, name="holdfast-spool", daemon=True)
        self._sending = threading.Thread(target=self._send, name="holdfast-reporter", daemon=True)

    def start(self) -> None:
        """Begin. Raises RuntimeError when no more threads can be started."""
        self._writing.start()
        self._sending.start()

    def put(self, entry: Entry) -> None:
        """Take an item up without waiting for anything; drop it when too many wait."""
        if self._tally["queued"] >= self._settings.bounds.queue_items:
            self._tally.add("dropped")
            self._notices.warn("room", "too many reports wait for the disk: new ones are dropped")
            return
        self._tally.add("queued")
        self._queue.put(entry)

    def stop(self) -> None:
        """Take no more up; what was is written, and sent if the dashboard takes it at once."""
        self._closing.set()
        self._queue.put(None)
        self._news.set()

    def join(self, timeout: float) -> None:
        """Wait for the end, at most ``timeout`` seconds; what is left stays in the spool."""
        until = time.monotonic() + timeout
        for thread in (self._writing, self._sending):
            thread.join(max(0.0, until - time.monotonic()))

    def _write(self) -> None:
        going = True
        while going:
            entries, going = self._next()
            for lane, lines in self._encoded(entries).items():
                self.spool.append(lane, lines)
            self._tally.add("queued", -len(entries))
            self._news.set()

    def _next(self) -> tuple[list[Entry], bool]:
        """Return what has come, once something has; False with the last of it."""
        taken = [self._queue.get()]
        self._closing.wait(LINGER_SECONDS)
        while taken[-1] is not None and not self._queue.empty():
            taken.append(self._queue.get())
        return [entry for entry in taken if entry is not None], taken[-1] is not None

    def _encoded(self, entries: Iterable[Entry]) -> dict[Lane, list[bytes]]:
        lines: dict[Lane, list[bytes]] = {}
        for entry in entries:
            try:
                lines.setdefault(entry.lane, []).append(encoded(entry))
            except Unsendable as error:
                self._tally.add("refused")
                self._notices.warn("refused", f"something cannot be reported: {error}")
        return lines

    def _send(self) -> None:
        possible = True
        while possible and not self._closing.is_set():
            self._news.wait(ADOPT_SECONDS)
            self._news.clear()
            possible = self._sender.send_all()
        self._writing.join()
        if possible:
            self._sender.send_all()
        self._sender.close()
        self.spool.close()
