"""Carrying what waits in the spool to the dashboard, however long that takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from checkpoints.reporting.answers import Answer, Verdict, quoted
from checkpoints.reporting.counters import Tally
from checkpoints.reporting.inbox import Inbox
from checkpoints.reporting.items import Entry
from checkpoints.reporting.lines import encoded
from checkpoints.reporting.notices import Notices
from checkpoints.reporting.pauses import Pauses
from checkpoints.reporting.segments import MAX_ITEMS, Segment
from checkpoints.reporting.settings import Settings
from checkpoints.reporting.spool import Spool
from checkpoints.reporting.transport import Transport

BROKEN = 500
BROKEN_AT_MOST = 3
"""Answers of 500 in a row to the same batch after which it is parted."""
ADOPT_SECONDS = 30.0
"""How often a sender without work looks for what dead processes have left."""


class Sender:
    """Sends segments one after the other; what cannot be sent now is tried again until closing."""

    def __init__(
        self,
        settings: Settings,
        *,
        spool: Spool,
        tally: Tally,
        inbox: Inbox,
        notices: Notices,
        closing: threading.Event,
    ) -> None:
        self._transport = Transport(settings)
        self._spool = spool
        self._tally = tally
        self._inbox = inbox
        self._notices = notices
        self._closing = closing
        self._pauses = Pauses(settings.bounds.first_pause, settings.bounds.longest_pause)
        self._most = MAX_ITEMS
        self._adopted_at = float("-inf")

    def send_all(self) -> bool:
        """Send until nothing waits; False when it was given up, because of closing."""
        self._adopt()
        while (segment := self._spool.take()) is not None:
            if not self._send(segment):
                return False
        return True

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _adopt(self) -> None:
        if time.monotonic() - self._adopted_at >= ADOPT_SECONDS:
            self._adopted_at = time.monotonic()
            self._spool.adopt()

    def _send(self, segment: Segment) -> bool:
        entries = self._read(segment)
        broken = 0
        while entries:
            batch = next_batch(entries, self._most)
            answer = self._transport.post(body_of(batch))
            dealt_with = self._settle(batch, answer)
            broken = broken + 1 if answer.status == BROKEN else 0
            if broken >= BROKEN_AT_MOST:
                dealt_with = self._part_with(batch)
                broken = 0
            del entries[:dealt_with]
            segment.left = len(entries)
            if not dealt_with and not self._go_on(answer, len(batch)):
                return False
        self._spool.finish(segment)
        return True

    def _part_with(self, batch: Sequence[Entry]) -> int:
        """Try fewer of a batch on which the dashboard breaks; a single item goes to the end.

        Else one item that a dashboard cannot cope with would hold all others back. Returns how
        many of the batch are dealt with here.
        """
        if len(batch) > 1:
            self._most = len(batch) // 2
            return 0
        self._spool.append(batch[0].lane, [encoded(batch[0])])
        return 1

    def _read(self, segment: Segment) -> list[Entry]:
        try:
            entries = segment.read()
        except OSError as error:
            self._notices.warn("spool", f"{segment.name} cannot be read: {error}")
            entries = []
        self._tally.add("dropped", segment.left - len(entries))
        segment.left = len(entries)
        return entries

    def _settle(self, batch: Sequence[Entry], answer: Answer) -> int:
        """Return how many of the batch's first items are dealt with."""
        if answer.verdict is Verdict.TAKEN:
            self._note_taken(batch, answer)
            return len(batch)
        if answer.verdict is Verdict.UNFIT and len(batch) == 1:
            self._refuse(1, answer.reason)
            return 1
        return 0

    def _note_taken(self, batch: Sequence[Entry], answer: Answer) -> None:
        payload = answer.payload or {}
        refused = _refused(batch, _dicts(payload.get("refused")))
        for one in refused.values():
            self._refuse(1, quoted(one.get("detail", "no reason given")))
        self._tally.add("sent", len(batch) - len(refused))
        self._inbox.receive(
            batch[0].source_url, threads_of(batch), _dicts(payload.get("directives"))
        )
        self._pauses.reset()
        self._notices.settle("dashboard")
        self._most = min(self._most * 2, MAX_ITEMS)

    def _refuse(self, count: int, reason: str) -> None:
        self._tally.add("refused", count)
        self._notices.warn("refused", f"the dashboard refused a report: {reason}")

    def _go_on(self, answer: Answer, sent: int) -> bool:
        """Make ready for another try; False when there is none, for the agent is closing."""
        self._tally.add("retries")
        if answer.verdict is Verdict.UNFIT:
            self._most = max(1, sent // 2)
            return True
        self._notices.warn("dashboard", _complaint(answer))
        if self._closing.is_set():
            return False
        told, patiently = answer.retry_after, answer.verdict is Verdict.HELPLESS
        self._closing.wait(self._pauses.next(told=told, patiently=patiently))
        return not (self._closing.is_set() and (told is not None or patiently))


def next_batch(entries: Sequence[Entry], most: int) -> list[Entry]:
    """Return the first entries that are about the same store, at most ``most``."""
    batch: list[Entry] = []
    for entry in entries[:most]:
        if entry.source_url != entries[0].source_url:
            break
        batch.append(entry)
    return batch


def body_of(batch: Sequence[Entry]) -> dict[str, Any]:
    """Return the request that reports entries of one store."""
    return {"source": {"url": batch[0].source_url}, "items": [entry.item for entry in batch]}


def threads_of(batch: Sequence[Entry]) -> set[tuple[str, str]]:
    """Return the agents and threads that entries are about."""
    threads: set[tuple[str, str]] = set()
    for entry in batch:
        match entry.item.get("checkpoint", entry.item):
            case {"agent_id": str(agent_id), "thread_id": str(thread_id)}:
                threads.add((agent_id, thread_id))
    return threads


def _refused(
    batch: Sequence[Entry], told: Sequence[dict[str, Any]]
) -> dict[object, dict[str, Any]]:
    """Return what an answer refuses of a batch, by the item's id."""
    ids = {entry.item["id"] for entry in batch}
    return {one["id"]: one for one in told if isinstance(one.get("id"), str) and one["id"] in ids}


def _complaint(answer: Answer) -> str:
    if answer.status is None:
        return answer.reason
    if answer.verdict is Verdict.HELPLESS and 200 <= answer.status < 300:
        return f"what answered {answer.status} at the dashboard's address is no Holdfast dashboard"
    return f"the dashboard takes no reports for now: {answer.reason}"


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
