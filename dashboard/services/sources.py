"""Adding, connecting, reading and removing sources. Nothing here writes to a store."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from checkpoints.stores.urls import parse_url
from dashboard import access, queue
from dashboard.credentials import NONE, Credentials, seal
from dashboard.models import Operation, OperationState, Project, Source, TrashedBatch, User
from dashboard.services import audit
from dashboard.services.source_tests import SourceTest, look_at

MAX_NAME_CHARACTERS = 200
OPEN = (OperationState.QUEUED, OperationState.RUNNING)
_TAKEN = "This store is a source already, here or in another project."


class SourceRefused(Exception):
    """The source cannot be added, read or removed as asked; nothing was changed.

    ``test`` is what the look at its store came to, where that is why.
    """

    def __init__(self, message: str, test: SourceTest | None = None) -> None:
        super().__init__(message)
        self.test = test


def add_source(
    *,
    user: User,
    url: str,
    name: str,
    now: datetime,
    project_id: int | None = None,
    credentials: Credentials = NONE,
    choice: str = "",
) -> Source:
    """Add a store that can be opened, and have it read. Raises SourceRefused and says why not.

    ``url`` may be a path, or the address of a server with its user and password, which are kept
    sealed. Where several kinds fit, ``choice`` is the URL of one. ``project_id`` may be left out
    by who operates one project only. A store that its agents have reported about already is
    connected instead.
    """
    project = _project(user, project_id)
    test = look_at(user=user, address=url, credentials=credentials, choice=choice)
    if not test.ok:
        raise SourceRefused(test.message, test)
    reported = Source.objects.filter(project=project, url=test.url, connected=False).first()
    if reported is not None:
        return _connect(user, reported, test, now)
    new = Source(project=project, url=test.url, name=_name(name, test.url), created_at=now)
    return _add(user, new, test, now)


def _project(user: User, project_id: int | None) -> Project:
    """Return the project to add to. Raises Hidden, Forbidden, SourceRefused when none is named."""
    access.require(user, "operate", project_id)
    operated = access.projects(user, "operate")
    found = operated.filter(pk=project_id) if project_id else operated[:2]
    if len(found) != 1:
        raise SourceRefused("Say in which project; nothing was added.")
    return found[0]


def connect_source(
    *, user: User, source_id: int, now: datetime, credentials: Credentials = NONE
) -> Source:
    """Let the dashboard open a store that agents report about. Raises SourceRefused."""
    source = find_source(user, source_id)
    if source.connected:
        raise SourceRefused(f"{source.name} is connected already; nothing was changed.")
    test = look_at(user=user, address=source.url, credentials=credentials, choice=source.url)
    if not test.ok:
        raise SourceRefused(f"{test.message} {source.name} stays as it is: only reported.", test)
    return _connect(user, source, test, now)


def sync_now(*, user: User, source_id: int) -> Source:
    """Have a source read soon. Raises SourceRefused for one that is not connected."""
    source = find_source(user, source_id)
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
        source = find_source(user, source_id)
        _require_settled(source)
        source.delete()
        record(user, "source.removed", source, now)
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
    source.credentials = sealed(source, test.credentials)
    try:
        with transaction.atomic():
            source.save(force_insert=True)
            record(user, "source.added", source, now)
            queue.enqueue_scan(source.pk)
    except IntegrityError as error:
        raise SourceRefused(f"{_TAKEN} Nothing was added.") from error
    return source


def _connect(user: User, source: Source, test: SourceTest, now: datetime) -> Source:
    source.connected = True
    source.capabilities = dict(test.capabilities)
    source.credentials = sealed(source, test.credentials)
    try:
        with transaction.atomic():
            source.save(update_fields=["connected", "capabilities", "credentials"])
            record(user, "source.connected", source, now)
            queue.enqueue_scan(source.pk)
    except IntegrityError as error:
        raise SourceRefused(f"{_TAKEN} Nothing was connected.") from error
    return source


def find_source(user: User, source_id: int) -> Source:
    """Return a source that one may operate. Raises SourceRefused, Hidden, Forbidden."""
    access.require(user, "operate")
    source = access.visible(user, Source.objects.filter(pk=source_id)).first()
    if source is None:
        raise SourceRefused("There is no such source; it may have been removed. See the list.")
    access.require(user, "operate", source.project_id)
    return source


def record(user: User, action: str, source: Source, now: datetime) -> None:
    """Note what was done with a source: never what opens it."""
    audit.record(
        user=user,
        action=action,
        target=source.name,
        details={"url": source.url},
        now=now,
        project=source.project_id,
    )


def sealed(source: Source, credentials: Credentials) -> bytes:
    """Return what opens a source as it is kept."""
    return seal(credentials, project_id=source.project.pk, url=source.url)


def _name(name: str, url: str) -> str:
    parsed = parse_url(url)
    database = parsed.server_path.rpartition("/")[2]
    on_server = parsed.server if database.isdecimal() else database or parsed.server
    found = parsed.path.name or on_server or url
    return (name.strip() or found.encode("utf-8", "replace").decode())[:MAX_NAME_CHARACTERS]
