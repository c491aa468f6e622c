"""Noting that an agent has something new to look at. Called by whatever takes rows in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from dashboard import queue
from dashboard.models import AgentWatch


def mark(agent_pks: Iterable[int], *, now: datetime, hint: bool = True) -> None:
    """Note that agents have something new, within the caller's transaction.

    Their watches are locked until it ends, so that no worker takes an agent for looked at whose
    rows it cannot see yet. A worker is asked once for all that it has not begun with.
    """
    wanted = sorted(set(agent_pks))
    rows = AgentWatch.objects.select_for_update().filter(agent__in=wanted).order_by("pk")
    known = dict(rows.values_list("pk", "waiting"))
    quiet = [pk for pk, waiting in known.items() if not waiting]
    if quiet:
        AgentWatch.objects.filter(pk__in=quiet).update(waiting=True, hinted_at=now)
    missing = [AgentWatch(agent_id=pk, hinted_at=now) for pk in wanted if pk not in known]
    if missing:
        AgentWatch.objects.bulk_create(missing, ignore_conflicts=True)
    if hint and (quiet or missing):
        queue.enqueue_drift()
