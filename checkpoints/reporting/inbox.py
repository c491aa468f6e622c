"""Directives that a dashboard sent, until the agent has acknowledged them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkpoints.records import Directive, Strategy

REMEMBERED = 10_000
"""Acknowledged directives that are known again, should the dashboard send them once more."""

MOST_QUESTIONS = 16
"""Questions to a dashboard that may be without an answer at a time."""
MOST_WAITING = 1_000
"""Directives that wait in memory; a dashboard leaves a thread at most one that is open."""

ThreadName = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingDirective:
    """A directive that an operator left for a thread on the dashboard.

    ``directive.parameters["checkpoint_id"]`` names what ``restore_checkpoint`` restores.
    """

    id: str
    store_url: str
    agent_id: str
    thread_id: str
    directive: Directive
    reason: str
    issued_at: datetime

    @classmethod
    def from_wire(cls, store_url: str, values: Mapping[str, Any]) -> IncomingDirective:
        """Read one of an answer's directives. Raises KeyError, TypeError or ValueError."""
        issued_at = datetime.fromisoformat(values["issued_at"])
        if issued_at.utcoffset() is None:
            raise ValueError("issued_at has no offset from UTC")
        return cls(
            id=str(values["id"]),
            store_url=store_url,
            agent_id=str(values["agent_id"]),
            thread_id=str(values["thread_id"]),
            directive=Directive(
                strategy=Strategy(values["strategy"]), parameters=dict(values["parameters"])
            ),
            reason=str(values["reason"]),
            issued_at=issued_at,
        )


class Inbox:
    """What waits for the threads that this process runs."""

    def __init__(self) -> None:
        self._begin()

    def after_fork(self) -> None:
        """Begin empty: the parent's agents obey what was sent to them."""
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self.questions = threading.Semaphore(MOST_QUESTIONS)
        self._waiting: dict[str, IncomingDirective] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()

    def receive(
        self, store_url: str, threads: Collection[ThreadName], wire: Iterable[Mapping[str, Any]]
    ) -> None:
        """Take what waits now for ``threads``; what no longer does was withdrawn.

        What is meant for threads that nobody asked about is passed over, and what there is no room
        for: the dashboard gives it out again.
        """
        read = (_readable(store_url, values) for values in wire)
        came = [one for one in read if one and (one.agent_id, one.thread_id) in threads]
        with self._lock:
            for old in list(self._waiting.values()):
                if old.store_url == store_url and (old.agent_id, old.thread_id) in threads:
                    del self._waiting[old.id]
            for new in came:
                if new.id not in self._settled and len(self._waiting) < MOST_WAITING:
                    self._waiting[new.id] = new

    def waiting(self, agent_id: str, thread_id: str) -> list[IncomingDirective]:
        """Return what waits for a thread, the oldest first."""
        with self._lock:
            mine = [
                one
                for one in self._waiting.values()
                if (one.agent_id, one.thread_id) == (agent_id, thread_id)
            ]
        return sorted(mine, key=lambda one: (one.issued_at, one.id))

    def settle(self, directive_id: str) -> IncomingDirective | None:
        """Take out a directive that was acknowledged, and know it again."""
        with self._lock:
            self._settled[directive_id] = None
            while len(self._settled) > REMEMBERED:
                self._settled.popitem(last=False)
            return self._waiting.pop(directive_id, None)


def _readable(store_url: str, values: Mapping[str, Any]) -> IncomingDirective | None:
    """Return a directive, or None for one that only a newer version understands."""
    try:
        return IncomingDirective.from_wire(store_url, values)
    except (KeyError, TypeError, ValueError):
        return None
