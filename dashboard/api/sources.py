"""Sources: which there are, and trying, adding, reading and removing one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from django.utils import timezone
from ninja import Path, Router, Status

from dashboard.api.access import OPERATE, READ, ApiRequest
from dashboard.api.operation_schemas import MAX_INTEGER
from dashboard.api.source_schemas import (
    CredentialsIn,
    NewSourceIn,
    SourceOut,
    SourcesOut,
    SourceTestIn,
    SourceTestOut,
)
from dashboard.credentials import Credentials
from dashboard.selectors.sources import SourceRow, source_row, sources_page
from dashboard.services import source_credentials
from dashboard.services import sources as service
from dashboard.services.source_tests import look_at

router = Router(tags=["sources"])
Row = Annotated[int, Path(ge=1, le=MAX_INTEGER)]
SOURCE = "/sources/{source}"


@router.get("/sources", auth=READ, response={200: SourcesOut}, summary="List sources")
def list_sources(request: ApiRequest) -> dict[str, Any]:
    """List the stores that are registered, by name, each with how reading it goes."""
    page = sources_page(user=request.auth.user)
    return {"items": [answer(row) for row in page.rows]}


@router.post("/sources", auth=OPERATE, response={201: SourceOut}, summary="Add a source")
def add_source(request: ApiRequest, wanted: NewSourceIn) -> Status[dict[str, Any]]:
    """Add a store that can be opened, and have it read. What kind it is, is found out."""
    source = service.add_source(
        user=request.auth.user,
        url=wanted.address,
        name=wanted.name,
        project_id=wanted.project,
        credentials=_credentials(wanted.credentials),
        choice=wanted.choice,
        now=timezone.now(),
    )
    return Status(HTTPStatus.CREATED, _read(request, source.pk))


@router.post("/sources/test", auth=OPERATE, response={200: SourceTestOut}, summary="Try an address")
def try_source(request: ApiRequest, wanted: SourceTestIn) -> dict[str, Any]:
    """Open what lies at an address for reading and say what is there. Nothing is added."""
    found = look_at(
        user=request.auth.user,
        address=wanted.address,
        credentials=_credentials(wanted.credentials),
        choice=wanted.choice,
    )
    names = ("ok", "code", "message", "kind", "title", "url", "threads", "steps", "candidates")
    return {name: getattr(found, name) for name in names}


@router.get(SOURCE, auth=READ, response={200: SourceOut}, summary="Look at a source")
def get_source(request: ApiRequest, source: Row) -> dict[str, Any]:
    """Return a source, and how far it has been read."""
    return _read(request, source)


@router.post(f"{SOURCE}/sync", auth=OPERATE, response={202: SourceOut}, summary="Read a source")
def sync_source(request: ApiRequest, source: Row) -> Status[dict[str, Any]]:
    """Have a source read now rather than in a few seconds."""
    _read(request, source)
    service.sync_now(user=request.auth.user, source_id=source)
    return Status(HTTPStatus.ACCEPTED, _read(request, source))


@router.put(
    f"{SOURCE}/credentials", auth=OPERATE, response={200: SourceOut}, summary="Replace credentials"
)
def put_credentials(request: ApiRequest, source: Row, wanted: CredentialsIn) -> dict[str, Any]:
    """Keep other credentials for a source, if they open it; else the old ones stay."""
    _read(request, source)
    source_credentials.replace_credentials(
        user=request.auth.user,
        source_id=source,
        credentials=_credentials(wanted),
        now=timezone.now(),
    )
    return _read(request, source)


@router.delete(
    f"{SOURCE}/credentials", auth=OPERATE, response={200: SourceOut}, summary="Forget credentials"
)
def delete_credentials(request: ApiRequest, source: Row) -> dict[str, Any]:
    """Delete what opens a source. It is opened again once others are given."""
    _read(request, source)
    source_credentials.forget_credentials(
        user=request.auth.user, source_id=source, now=timezone.now()
    )
    return _read(request, source)


@router.delete(SOURCE, auth=OPERATE, response={204: None}, summary="Remove a source")
def delete_source(request: ApiRequest, source: Row) -> Status[None]:
    """Take a source and all that the index knows of it away. Its store is not touched."""
    _read(request, source)
    service.remove_source(user=request.auth.user, source_id=source, now=timezone.now())
    return Status(HTTPStatus.NO_CONTENT, None)


def _credentials(given: CredentialsIn) -> Credentials:
    return Credentials(**given.values())


def _read(request: ApiRequest, number: int) -> dict[str, Any]:
    return answer(source_row(user=request.auth.user, source_pk=number))


def answer(row: SourceRow) -> dict[str, Any]:
    """Return a source as it is answered."""
    source = row.source
    names = ("name", "kind", "url", "connected", "health", "health_message", "capabilities")
    sums = ("agents", "checkpoints", "remaining", "stored_bytes", "is_being_read", "credentials")
    return {
        **{name: getattr(source, name) for name in (*names, "last_synced_at", "created_at")},
        **{name: getattr(row, name) for name in sums},
        "id": source.pk,
        "project": source.project_id,
    }
