"""Asking a dashboard for directives, within a time that nothing can stretch."""

from __future__ import annotations

import dataclasses
import threading
import time

from checkpoints.reporting.inbox import Inbox, ThreadName
from checkpoints.reporting.settings import Settings
from checkpoints.reporting.transport import Transport


def ask(
    settings: Settings, inbox: Inbox, store_url: str, thread: ThreadName, timeout: float
) -> None:
    """Fill the inbox with what waits for a thread; come back after ``timeout`` seconds at most.

    The request runs in a thread of its own: looking a name up has no timeout, and an answer may
    come drop by drop. What it brings later still reaches the inbox. Where too many have not come
    back, none is sent.
    """
    until = time.monotonic() + timeout
    if not inbox.questions.acquire(timeout=max(timeout, 0.0)):
        return
    bounds = dataclasses.replace(settings.bounds, timeout=timeout)
    hurried = dataclasses.replace(settings, bounds=bounds)
    asking = threading.Thread(
        target=_ask, args=(hurried, inbox, store_url, thread), name="holdfast-inbox", daemon=True
    )
    try:
        asking.start()
    except RuntimeError:
        inbox.questions.release()
        return
    asking.join(max(until - time.monotonic(), 0.0))


def _ask(settings: Settings, inbox: Inbox, store_url: str, thread: ThreadName) -> None:
    query = {"source": store_url, "agent_id": thread[0], "thread_id": thread[1]}
    questions = inbox.questions
    try:
        with Transport(settings) as transport:
            payload = transport.get_directives(query).payload or {}
    finally:
        questions.release()
    found = payload.get("directives")
    if isinstance(found, list):
        inbox.receive(store_url, {thread}, found)
