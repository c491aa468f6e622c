"""Adding, connecting, reading and removing sources. Nothing here writes to a store."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.db import IntegrityError, transaction

import checkpoints
from checkpoints.stores.urls import absolute_url, parse_url
from dashboard import access, queue
from dashboard.models import Operation, OperationState, Project, Source, TrashedBatch, User
from dashboard.services import audit
from dashboard.stores import open_url

MAX_COUNTED = 10_000
MAX_NAME_CHARACTERS = 200
OPEN = (OperationState.QUEUED, OperationState.RUNNING)
_TAKEN = "This store is a source already, here or in another project."
logger = structlog.get_logger(__name__)


class SourceRefused(Exception):
    """The source cannot be added, read or removed as asked; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTest:
    """What opening a store showed. ``threads`` is None when it could not be opened."""

    ok: bool
    kind: str
    message: str
    threads: int | None = None
    capabilities: Mapping[str, Any] = field(default_factory=dict)


def test_url(*, user: User, url: str) -> SourceTest:
    """Open a store for reading and say what is there, or what stands in the way."""
    access.require(user, "operate")
    kind = url.partition(":")[0][:40].lower()
    try:
        return _look(absolute_url(url), kind)
    except checkpoints.CheckpointError as error:
        return SourceTest(ok=False, kind=kind, message=f"{str(error).rstrip('.')}.")
    except Exception as error:
        logger.warning("store not opened", kind=kind, exc_info=error)
        message = (
            f"The store cannot be read ({type(error).__name__}); it may be damaged. Nothing was "
            "changed; the log says more."
        )
        return SourceTest(ok=False, kind=kind, message=message)


def _look(url: str, kind: str) -> SourceTest:
    store = open_url(url)
    try:
        threads = sum(1 for _ in itertools.islice(store.threads(), MAX_COUNTED))
        capabilities = store.capabilities
    finally:
        store.close()
    refused = capabilities.reasons.get("restore", "")
    message = "It can be read and restored from." if capabilities.restore else _only_read(refused)
    return SourceTest(
        ok=True,
        kind=kind,
        message=message,
        threads=threads,
        capabilities=capabilities.to_dict(),
    )


def _only_read(reason: str) -> str:
    return f"It can be read but not restored from: {reason}." if reason else "It can be read."


def add_source(
    *, user: User, url: str, name: str, now: datetime, project_id: int | None = None
) -> Source:
    """Add a store that can be opened, and have it read. Raises SourceRefused and says why not.

    ``project_id`` may be left out by who operates one project only. A store that its agents have
    reported about already is connected instead.
    """
    project = _project(user, project_id)
    test = test_url(user=user, url=url)
    if not test.ok:
        raise SourceRefused(test.message)
    place = absolute_url(url)
    reported = Source.objects.filter(project=project, url=place, connected=False).first()
    if reported is not None:
        return _connect(user, reported, test, now)
    new = Source(project=project, url=place, name=_name(name, place), created_at=now)
    return _add(user, new, test, now)


def _project(user: User, project_id: int | None) -> Project:
    """Return the project to add to. Raises Hidden, Forbidden, SourceRefused when none is named."""
    access.require(user, "operate", project_id)
    operated = access.projects(user, "operate")
    found = operated.filter(pk=project_id) if project_id else operated[:2]
    if len(found) != 1:
        raise SourceRefused("Say in which project; nothing was added.")
    return found[0]


def connect_source(*, user: User, source_id: int, now: datetime) -> Source:
    """Let the dashboard open a store that agents report about. Raises SourceRefused."""
    source = _get(user, source_id)
    if source.connected:
        raise SourceRefused(f"{source.name} is connected already; nothing was changed.")
    test = test_url(user=user, url=source.url)
    if not test.ok:
        raise SourceRefused(f"{test.message} {source.name} stays as it is: only reported.")
    return _connect(user, source, test, now)


def sync_now(*, user: User, source_id: int) -> Source:
    """Have a source read soon. Raises SourceRefused for one that is not connected."""
    source = _get(user, source_id)
    if not source.connected:
        raise SourceRefused(f"{source.name} is only reported; connect it to have it read.")
    Source.objects.filter(pk=source.pk).update(next_scan_at=None)
    queue.enqueue_scan(source.pk)
    return source


def remove_source(*, user: User, source_id: int, now: datetime) -> str:
    """Take a source and all that the index knows of it away; return its name.

    The store is not touched. Raises LoginTooOld, and SourceRefused while an operation changes it,
    needs attention, or has put something into the trash that is neither swept nor back.
    """
    access.require_recent_login(user, now)
    with transaction.atomic():
        source = _get(user, source_id)
        _require_settled(source)
        source.delete()
        _record(user, "source.removed", source, now)
    return source.name


def _require_settled(source: Source) -> None:
    """Raise SourceRefused where the books of a source are needed still."""
    unsettled = (*OPEN, OperationState.NEEDS_ATTENTION)
    if Operation.objects.filter(source=source, state__in=unsettled).exists():
        raise SourceRefused(
            f"An operation on {source.name} has not ended; nothing was removed. Wait for it or "
            "cancel it first."
        )
    lying = TrashedBatch.objects.filter(operation__source=source, purged_at=None, returned_at=None)
    if lying.exists():
        raise SourceRefused(
            f"Checkpoints of {source.name} lie in the trash, which nobody would sweep any more; "
            "nothing was removed. Bring them back, or wait until they are swept."
        )


def _add(user: User, source: Source, test: SourceTest, now: datetime) -> Source:
    source.kind = test.kind
    source.capabilities = dict(test.capabilities)
    try:
        with transaction.atomic():
            source.save(force_insert=True)
            _record(user, "source.added", source, now)
            queue.enqueue_scan(source.pk)
    except IntegrityError as error:
        raise SourceRefused(f"{_TAKEN} Nothing was added.") from error
    return source


def _connect(user: User, source: Source, test: SourceTest, now: datetime) -> Source:
    source.connected = True
    source.capabilities = dict(test.capabilities)
    try:
        with transaction.atomic():
            source.save(update_fields=["connected", "capabilities"])
            _record(user, "source.connected", source, now)
            queue.enqueue_scan(source.pk)
    except IntegrityError as error:
        raise SourceRefused(f"{_TAKEN} Nothing was connected.") from error
    return source


def _get(user: User, source_id: int) -> Source:
    access.require(user, "operate")
    source = access.visible(user, Source.objects.filter(pk=source_id)).first()
    if source is None:
        raise SourceRefused("There is no such source; it may have been removed. See the list.")
    access.require(user, "operate", source.project_id)
    return source


def _record(user: User, action: str, source: Source, now: datetime) -> None:
    audit.record(
        user=user,
        action=action,
        target=source.name,
        details={"url": source.url},
        now=now,
        project=source.project_id,
    )


def _name(name: str, url: str) -> str:
    path = parse_url(url).path
    return (name.strip() or path.name or url)[:MAX_NAME_CHARACTERS]
