"""Asking a dashboard for directives, within a time that nothing can stretch."""

from __future__ import annotations

import dataclasses
import threading

from checkpoints.reporting.inbox import Inbox, ThreadName
from checkpoints.reporting.settings import Settings
from checkpoints.reporting.transport import Transport


def ask(
    settings: Settings, inbox: Inbox, store_url: str, thread: ThreadName, timeout: float
) -> None:
    """Fill the inbox with what waits for a thread; come back after ``timeout`` seconds at most.

    The request runs in a thread of its own: looking a name up has no timeout. What it brings later
    still reaches the inbox.
    """
    bounds = dataclasses.replace(settings.bounds, timeout=timeout)
    hurried = dataclasses.replace(settings, bounds=bounds)
    asking = threading.Thread(
        target=_ask, args=(hurried, inbox, store_url, thread), name="holdfast-inbox", daemon=True
    )
    try:
        asking.start()
    except RuntimeError:
        return
    asking.join(timeout)


def _ask(settings: Settings, inbox: Inbox, store_url: str, thread: ThreadName) -> None:
    query = {"source": store_url, "agent_id": thread[0], "thread_id": thread[1]}
    with Transport(settings) as transport:
        payload = transport.get_directives(query).payload or {}
    found = payload.get("directives")
    if isinstance(found, list):
        inbox.receive(store_url, {thread}, found)
