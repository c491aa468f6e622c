"""Drills: asking for one, and reading what was proved."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from django.utils import timezone
from ninja import Path, Router, Status

from dashboard.api.access import OPERATE, READ, ApiRequest
from dashboard.api.drill_schemas import DrillIn, DrillOut, DrillsOut, WholeDrillOut
from dashboard.api.operation_schemas import MAX_INTEGER
from dashboard.selectors.drills import drill_page, list_drills
from dashboard.services import drills

router = Router(tags=["drills"])
Row = Annotated[int, Path(ge=1, le=MAX_INTEGER)]


@router.get("/drills", auth=READ, response={200: DrillsOut}, summary="List drills")
def list_all_drills(request: ApiRequest, after: str = "") -> dict[str, Any]:
    """List drills of the last 90 days, the newest first, 100 at a time."""
    page = list_drills(user=request.auth.user, after=after)
    return {"items": [drill_answer(row) for row in page.rows], "next": page.next_key or None}


@router.post("/drills", auth=OPERATE, response={202: DrillOut}, summary="Rehearse restores now")
def create_drill(request: ApiRequest, wanted: DrillIn) -> Status[dict[str, Any]]:
    """Rehearse restores of a source's agents, or of one agent, on copies.

    The store is only read. While a drill of the source has not ended, no second one is begun.
    """
    drill = drills.rehearse_now(
        user=request.auth.user,
        source_pk=wanted.source,
        agent_pk=wanted.agent,
        per_agent=wanted.checkpoints,
        now=timezone.now(),
    )
    return Status(HTTPStatus.ACCEPTED, drill_answer(drill))


@router.get("/drills/{drill}", auth=READ, response={200: WholeDrillOut}, summary="Look at a drill")
def get_drill(request: ApiRequest, drill: Row) -> dict[str, Any]:
    """Return a drill and what it proved of each checkpoint."""
    page = drill_page(user=request.auth.user, drill_pk=drill)
    return {
        **drill_answer(page.drill),
        "rehearsals": [_rehearsal(row) for row in page.results],
    }


def drill_answer(drill: Any) -> dict[str, Any]:
    """Return a drill as it is shown to programs."""
    names = ("created_at", "started_at", "finished_at", "message", "agents_done", "bytes_read")
    return {
        **{name: getattr(drill, name) for name in (*names, "proven", "failed", "skipped")},
        "id": drill.pk,
        "source": drill.source_id,
        "agent": drill.agent_id,
        "checkpoints": drill.per_agent,
        "asked_by": drill.asked_by.get_username() if drill.asked_by else None,
        "outcome": drill.outcome or None,
    }


def _rehearsal(row: Any) -> dict[str, Any]:
    names = ("decoded", "digest_verified", "restored", "read_back", "how", "finding", "reason")
    return {
        **{name: getattr(row, name) for name in (*names, "outcome", "bytes_read", "at")},
        "agent": row.agent_id,
        "agent_id": row.agent.agent_id,
        "thread_id": row.thread_id,
        "checkpoint_id": row.checkpoint_id,
    }
