"""Appending an event. Whoever appends waits for the one before, so that all form one chain."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from dashboard.chains import GENESIS, Link, digest
from dashboard.models import AuditEvent, AuditHead, Project, User

HEAD = 1
"""The primary key of the one row that holds the end of the chain."""
_UNKEPT = re.compile(r"[\x00\ud800-\udfff]")
_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):[^\s/@]*@")
_TOKEN = re.compile(r"(hf_[0-9a-f]{12}_)[A-Za-z0-9_-]{43}", re.ASCII)
_MAX_ACTOR_CHARACTERS = 200


def record(
    *,
    user: User | None,
    action: str,
    target: str,
    details: Mapping[str, Any],
    now: datetime,
    actor: str = "",
    project: Project | int | None = None,
) -> None:
    """Append one event. ``actor`` names who acted for the user, when it was not they themselves.

    Until the transaction ends nobody else can append: call it last. Passwords in addresses and
    secrets of tokens are left out of what is kept.
    """
    named = actor or (user.get_username() if user else "system")
    event = Link(
        sequence=0,
        at=now,
        user=user.pk if user else None,
        actor=_text(named)[:_MAX_ACTOR_CHARACTERS],
        action=action,
        target=_text(target),
        project=project.pk if isinstance(project, Project) else project,
        details=_plain(details),
        previous="",
    )
    with transaction.atomic():
        _append(event)


def _append(event: Link) -> None:
    head = _lock_head()
    linked = dataclasses.replace(event, sequence=head.count, previous=head.hash)
    head.hash = digest(linked)
    values = {**linked.to_dict(), "at": event.at, "hash": head.hash}
    values["user_id"], values["project_id"] = values.pop("user"), values.pop("project")
    AuditEvent.objects.create(**values)
    head.save(update_fields=["hash"])


def _lock_head() -> AuditHead:
    """Count the event in and return the row, which nobody else can change until the commit."""
    rows = AuditHead.objects.filter(pk=HEAD)
    if not rows.update(count=F("count") + 1):
        AuditHead.objects.bulk_create([AuditHead(pk=HEAD, hash=GENESIS)], ignore_conflicts=True)
        rows.update(count=F("count") + 1)
    return rows.get()


def _plain(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return details as every database gives them back: what is no JSON is text, so are floats."""
    found: dict[str, Any] = json.loads(json.dumps(_kept(details), default=str))
    return found


def _kept(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_text(str(key)): _kept(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_kept(item) for item in value]
    if isinstance(value, float):
        return repr(value)
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    """Write out what no database keeps, and take out what nobody else may read."""
    shown = _TOKEN.sub(r"\1…", _PASSWORD.sub(r"\1@", value))
    return _UNKEPT.sub(lambda match: repr(match.group())[1:-1], shown)
