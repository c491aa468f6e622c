"""Where agents report everything they do, and fetch what operators left for them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.utils import timezone
from ninja import Router, Status

from dashboard.api.access import PUSH, ApiRequest
from dashboard.api.report_schemas import (
    DirectivesOut,
    FailurePushIn,
    ReportsIn,
    ReportsOut,
    Unreadable,
)
from dashboard.api.schemas import SourceIn
from dashboard.services import reports
from dashboard.services.ingest import UnusableRecord

router = Router(tags=["reports"], auth=PUSH)


@router.post("/reports", response={200: ReportsOut}, summary="Report a batch")
def push_reports(request: ApiRequest, batch: ReportsIn) -> dict[str, Any]:
    """Take checkpoints, failures, metrics, effects, resumes and acknowledgements, each once.

    The answer comes after the commit and names the items that were refused; the others are
    stored. It brings the directives that wait for the threads of the batch.
    """
    unreadable = [item for item in batch.items if isinstance(item, Unreadable)]
    items = [item.to_item() for item in batch.items if not isinstance(item, Unreadable)]
    taken = _take(request, batch.source, items)
    return {
        "accepted": taken.accepted,
        "duplicates": taken.duplicates,
        "refused": [*unreadable, *taken.refused],
        "directives": taken.directives,
    }


@router.post(
    "/failures",
    response={200: ReportsOut, 201: ReportsOut},
    summary="Report one failure",
)
def push_failure(request: ApiRequest, push: FailurePushIn) -> Status[reports.Taken]:
    """Take one failure. The same id again answers 200 and changes nothing."""
    taken = _take(request, push.source, [push.failure.to_item()])
    for refused in taken.refused:
        field, _, message = refused.detail.partition(": ")
        raise UnusableRecord(f"failure.{field}", message)
    return Status(HTTPStatus.CREATED if taken.accepted else HTTPStatus.OK, taken)


@router.get("/directives", response={200: DirectivesOut}, summary="Fetch what waits for a thread")
def get_directives(
    request: ApiRequest, source: str, agent_id: str, thread_id: str = "main"
) -> dict[str, Any]:
    """Return the directives that operators left for a thread of the store with this URL.

    They are given out again until the agent acknowledges them in a report.
    """
    found = reports.waiting_directives(
        token=request.auth.token,
        source_url=source,
        agent_id=agent_id,
        thread_id=thread_id,
        now=timezone.now(),
    )
    return {"directives": found}


def _take(request: ApiRequest, source: SourceIn, items: list[reports.Item]) -> reports.Taken:
    return reports.take_reports(
        token=request.auth.token,
        source_url=source.url,
        source_name=source.name,
        items=items,
        now=timezone.now(),
    )
