"""Taking note of what happened, in the transaction in which it happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from dashboard.models import Agent, Notice
from dashboard.services.notifications.happenings import Happening
from dashboard.services.notifications.matching import Due, is_end, rank, soonest
from dashboard.services.notifications.reading import rules_of
from dashboard.services.notifications.rendering import TEXT_CHARACTERS
from dashboard.services.notifications.wording import line, paragraph


def announce(happening: Happening, *, now: datetime) -> None:
    """Tell whoever asked to be told. Call it inside the transaction of what happened.

    Rows are written and nothing is sent: a worker does that soon after the commit. However often
    something happens to one key, it is told again only when its severity rises, when its kind is
    another than the one told last, or after it was settled.
    """
    by_channel = rules_of(happening.project_pk)
    if not by_channel:
        return
    agent = _agent(happening)
    for channel_pk, rules in by_channel.items():
        due = soonest(rules, happening, agent, now)
        if due is not None:
            _note(channel_pk, happening, agent or "", due, now)


def settle(key: str, *, now: datetime) -> None:
    """Remind nobody of a subject any more: it is acknowledged or over."""
    Notice.objects.filter(key=key, settled_at=None).update(settled_at=now, remind_at=None)


def _agent(happening: Happening) -> str | None:
    rows = Agent.objects.filter(pk=happening.agent_pk or 0)
    return rows.values_list("agent_id", flat=True).first()


def _note(channel_pk: int, happening: Happening, agent: str, due: Due, now: datetime) -> None:
    """Write down what is to be told of a subject; of one subject there is one row."""
    rows = Notice.objects.select_for_update().filter(channel=channel_pk, key=happening.key)
    with transaction.atomic():
        known = rows.first()
        if known is None and not is_end(happening.kind):
            known = _begin(channel_pk, happening, agent, due, now) or rows.get()
        if known is not None and known.pk is not None:
            _go_on(known, happening, due, now)


def _begin(
    channel_pk: int, happening: Happening, agent: str, due: Due, now: datetime
) -> Notice | None:
    """Return the row of a new subject, which needs nothing more; None when others made it first."""
    values = _words(happening) | _told_later(due)
    fresh = Notice(
        channel_id=channel_pk,
        key=happening.key,
        agent_id=happening.agent_pk,
        agent_name=agent,
        since=happening.at,
        changed_at=now,
        **values,
    )
    try:
        with transaction.atomic():
            fresh.save(force_insert=True)
    except IntegrityError:
        return None
    fresh.pk = None
    return fresh


def _go_on(known: Notice, happening: Happening, due: Due, now: datetime) -> None:
    """Bring a subject up to date, and let it be told again where that says something new."""
    values: dict[str, Any] = {"changed_at": now, "happened": known.happened + 1}
    if is_end(happening.kind):
        values |= {"settled_at": known.settled_at or now, "remind_at": None}
        if known.told_at is None or known.told_kind == happening.kind:
            _save(known, values)
            return
    elif known.settled_at is not None:
        values |= {"settled_at": None, "since": happening.at, "told_severity": "", "happened": 1}
        known.told_severity = known.told_kind = ""
    values |= _words(happening)
    if rank(happening.severity) > rank(known.told_severity) or happening.kind != known.told_kind:
        values |= _earlier(known, due)
    _save(known, values)


def _save(known: Notice, values: dict[str, Any]) -> None:
    Notice.objects.filter(pk=known.pk).update(**values)


def _earlier(known: Notice, due: Due) -> dict[str, Any]:
    """Return when a subject is told: what already waits is not put off."""
    if known.due_at is not None and known.due_at <= due.at:
        return {}
    return _told_later(due)


def _told_later(due: Due) -> dict[str, Any]:
    return {"due_at": due.at, "held": due.held, "rule_id": due.rule.pk}


def _words(happening: Happening) -> dict[str, str]:
    return {
        "kind": happening.kind[:60],
        "severity": happening.severity,
        "title": line(happening.title),
        "text": paragraph(happening.text, TEXT_CHARACTERS),
        "path": happening.path,
    }
