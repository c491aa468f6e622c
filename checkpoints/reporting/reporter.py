"""An agent's face to a dashboard: every call returns at once and none ever raises."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakValueDictionary

from checkpoints.forks import renew_in_children
from checkpoints.records import Checkpoint, Head
from checkpoints.reporting import items
from checkpoints.reporting.asking import ask
from checkpoints.reporting.counters import Counters
from checkpoints.reporting.courier import Courier
from checkpoints.reporting.inbox import Inbox, IncomingDirective, ThreadName
from checkpoints.reporting.items import EffectLike, Lane
from checkpoints.reporting.settings import TIMEOUT_SECONDS, USUAL, Bounds, Settings, spool_folder
from checkpoints.reporting.transport import prepare

KNOWN_THREADS = 10_000
"""Threads whose store is remembered, for reports that do not name it."""
_shared: WeakValueDictionary[Settings, Reporter] = WeakValueDictionary()


class Reporter:
    """Tells a dashboard about checkpoints, failures, metrics, effects and resumes.

    What is reported waits in memory for a moment, then in a spool on disk, and is sent in batches
    to ``POST <url>/api/v1/reports`` from a thread of its own, again and again until the dashboard
    has it; each item has an id, so that the dashboard takes it once. What a process leaves is sent
    by the next one that reports to the same dashboard with the same spool.

    ``store_url`` names the store that a report is about; left out, it is the one that the thread
    was last reported or introduced with. ``close()`` may be followed by further reports.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        spool: Path | str | None = None,
        bounds: Bounds = USUAL,
    ) -> None:
        folder = spool_folder() if spool is None else Path(spool).absolute()
        prepare()
        self._settings = Settings(url=url, token=token, spool=folder, bounds=bounds)
        self._inbox = Inbox()
        self._courier = Courier(self._settings, self._inbox)
        self._stores: OrderedDict[ThreadName, str] = OrderedDict()
        self._lock = threading.Lock()
        renew_in_children(self)

    @classmethod
    def from_environment(cls) -> Reporter | None:
        """Return a reporter when HOLDFAST_DASHBOARD_URL and HOLDFAST_TOKEN are set.

        Those who ask with the same environment share one, and so its threads and its spool.
        """
        settings = Settings.from_environment()
        if settings is None:
            return None
        found = _shared.get(settings)
        if found is None:
            made = cls(settings.url, settings.token, spool=settings.spool)
            found = _shared.setdefault(settings, made)
        return found

    @property
    def counters(self) -> Counters:
        """What became of everything that was reported so far."""
        return self._courier.counters

    def introduce(self, store_url: str, agent_id: str, thread_id: str) -> None:
        """Remember in which store a thread lies."""
        with self._lock:
            self._stores[agent_id, thread_id] = store_url
            self._stores.move_to_end((agent_id, thread_id))
            if len(self._stores) > KNOWN_THREADS:
                self._stores.popitem(last=False)

    def report(self, store_url: str, checkpoint: Checkpoint, head: Head | None) -> None:
        """Report a saved checkpoint and where the head of its thread is now."""
        self.introduce(store_url, checkpoint.agent_id, checkpoint.thread_id)
        self._courier.offer(
            Lane.CHECKPOINTS, store_url, lambda: items.checkpoint_item(checkpoint, head)
        )

    def report_failure(
        self,
        agent_id: str,
        thread_id: str,
        error: BaseException,
        *,
        checkpoint_id: str | None = None,
        run_id: str | None = None,
        step: int | None = None,
        step_name: str | None = None,
        store_url: str | None = None,
    ) -> None:
        """Report an error: its type, message and traceback, cut to bounds and masked by nothing.

        They may hold what the agent was working on, secrets included. ``checkpoint_id`` is the
        head when it happened.
        """
        self._courier.offer(
            Lane.EVENTS,
            store_url or self._store_of(agent_id, thread_id),
            lambda: items.about(
                "failure",
                agent_id,
                thread_id,
                _utc_now(),
                checkpoint_id=checkpoint_id,
                run_id=run_id,
                step=step,
                step_name=step_name,
                **items.described(error),
            ),
        )

    def report_metrics(
        self,
        agent_id: str,
        thread_id: str,
        metrics: Mapping[str, float],
        *,
        step: int | None = None,
        store_url: str | None = None,
    ) -> None:
        """Report measurements that belong to no checkpoint; what is not finite is left out."""
        self._courier.offer(
            Lane.METRICS,
            store_url or self._store_of(agent_id, thread_id),
            lambda: items.about(
                "metrics",
                agent_id,
                thread_id,
                _utc_now(),
                step=step,
                values=items.finite(metrics),
            ),
        )

    def report_effect(self, effect: EffectLike, *, store_url: str | None = None) -> None:
        """Report an effect: its name, key, time and checkpoint, not what is kept with it."""
        self._courier.offer(
            Lane.EVENTS,
            store_url or self._store_of(effect.agent_id, effect.thread_id),
            lambda: items.effect_item(effect),
        )

    def report_resume(
        self,
        agent_id: str,
        thread_id: str,
        run_id: str,
        checkpoint_id: str | None,
        outcome: str,
        *,
        error: str | None = None,
        attempt: str = "",
        store_url: str | None = None,
    ) -> None:
        """Report that a run resumed from a checkpoint, and later how that went.

        ``outcome`` is ``resumed``, ``succeeded`` (it saved again) or ``failed``; the later ones
        replace the first. ``attempt`` tells resumes of one run from one checkpoint apart.
        """
        self._courier.offer(
            Lane.EVENTS,
            store_url or self._store_of(agent_id, thread_id),
            lambda: items.about(
                "resume",
                agent_id,
                thread_id,
                _utc_now(),
                run_id=run_id,
                checkpoint_id=checkpoint_id,
                outcome=outcome,
                error=items.told(error or ""),
                attempt=attempt,
            ),
        )

    def directives(
        self, agent_id: str, thread_id: str, *, store_url: str | None = None
    ) -> list[IncomingDirective]:
        """Return what the dashboard's answers brought for a thread, the oldest first.

        Without ``store_url`` also what is meant for a thread of that name in another store.
        """
        found = self._inbox.waiting(agent_id, thread_id)
        return [one for one in found if store_url in (None, one.store_url)]

    def fetch_directives(
        self,
        agent_id: str,
        thread_id: str,
        timeout: float = 1.0,
        *,
        store_url: str | None = None,
    ) -> list[IncomingDirective]:
        """Ask the dashboard, for at most ``timeout`` seconds, and return ``directives()``."""
        url = store_url or self._store_of(agent_id, thread_id)
        if url is not None:
            ask(self._settings, self._inbox, url, (agent_id, thread_id), timeout)
        return self.directives(agent_id, thread_id, store_url=url)

    def acknowledge(self, directive_id: str, outcome: str, detail: str = "") -> None:
        """Tell what became of a directive: ``applied``, ``failed`` or ``refused``.

        It no longer stands in ``directives()``. One that did not come by this reporter is unknown
        to it and nothing is sent.
        """
        known = self._inbox.settle(directive_id)
        if known is not None:
            self._courier.offer(
                Lane.EVENTS,
                known.store_url,
                lambda: items.acknowledgement_item(directive_id, outcome, detail, _utc_now()),
            )

    def close(self, timeout: float = TIMEOUT_SECONDS) -> None:
        """Send what waits, for at most ``timeout`` seconds; the rest stays in the spool."""
        self._courier.close(timeout)

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds."""
        self._lock = threading.Lock()

    def _store_of(self, agent_id: str, thread_id: str) -> str | None:
        with self._lock:
            return self._stores.get((agent_id, thread_id))


def _utc_now() -> datetime:
    return datetime.now(UTC)
