"""Telling a dashboard about checkpoints, in the background, without ever failing a save."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from typing import Any

from checkpoints.forks import renew_in_children
from checkpoints.records import Checkpoint, Head

logger = logging.getLogger("checkpoints.reporting")

QUEUE_SIZE = 10_000
TIMEOUT_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
_STOP = object()


class Reporter:
    """Sends records to ``POST <url>/api/v1/checkpoints`` from a thread of its own.

    A dashboard that is away is tried again with growing pauses; what does not fit the queue is
    dropped and counted in ``dropped``: the store still has it, and a scan finds it.
    """

    def __init__(self, url: str, token: str) -> None:
        self.sent = 0
        self.dropped = 0
        self.refused = 0
        self._said = ""
        self._endpoint = url.rstrip("/") + "/api/v1/checkpoints"
        self._token = token
        self._queue: queue.Queue[Any] = queue.Queue(maxsize=QUEUE_SIZE)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        renew_in_children(self)

    @classmethod
    def from_environment(cls) -> Reporter | None:
        """Return a reporter when HOLDFAST_DASHBOARD_URL and HOLDFAST_TOKEN are set."""
        url, token = os.environ.get("HOLDFAST_DASHBOARD_URL"), os.environ.get("HOLDFAST_TOKEN")
        if url and not token:
            logger.warning(
                "HOLDFAST_DASHBOARD_URL is set and HOLDFAST_TOKEN is not: nothing is reported"
            )
        return cls(url, token) if url and token else None

    def report(self, store_url: str, checkpoint: Checkpoint, head: Head | None) -> None:
        """Queue one record; returns at once."""
        item = {
            "source": {"url": store_url},
            "checkpoint": checkpoint.to_dict(),
            "head": {"checkpoint_id": head.checkpoint_id, "version": head.version}
            if head
            else None,
        }
        self._start()
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self.dropped += 1

    def close(self, timeout: float = TIMEOUT_SECONDS) -> None:
        """Send what waits, for at most ``timeout`` seconds."""
        self._closing.set()
        if self._thread is not None:
            self._queue.put(_STOP) if not self._queue.full() else None
            self._thread.join(timeout)

    def after_fork(self) -> None:
        """Begin with an empty queue: what waits there is the parent's to send."""
        self._queue = queue.Queue(maxsize=QUEUE_SIZE)
        self._closing = threading.Event()
        self._thread = None
        self._lock = threading.Lock()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="holdfast-reporter", daemon=True
                )
                self._thread.start()
                atexit.register(self.close)

    def _run(self) -> None:
        import httpx

        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx.Client(timeout=TIMEOUT_SECONDS, headers=headers) as client:
            while (item := self._queue.get()) is not _STOP:
                self._deliver(client, item)

    def _deliver(self, client: Any, item: dict[str, Any]) -> None:
        """Send one item; keep trying while the dashboard is away and we are not closing."""
        pause = 0.5
        while not self._try(client, item):
            if self._closing.wait(pause):
                self.dropped += 1
                return
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _try(self, client: Any, item: dict[str, Any]) -> bool:
        """Send once; return whether the item is dealt with."""
        import httpx

        try:
            response = client.post(self._endpoint, json=item)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            self._warn_once(f"the dashboard at {self._endpoint} cannot be reached: {error}")
            return False
        if response.status_code >= 500 or response.status_code == 429:
            return False
        if response.is_success:
            self.sent += 1
        else:
            self.refused += 1
            self._warn_once(f"the dashboard refused a checkpoint: {_reason(response)}")
        return True

    def _warn_once(self, message: str) -> None:
        """Say what is wrong, and again only when it is something else."""
        if message != self._said:
            self._said = message
            logger.warning("%s; everything is saved in the store all the same", message)


def _reason(response: Any) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, LookupError, TypeError):
        return f"it answered {response.status_code}"
