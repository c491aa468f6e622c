"""What programs may read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.forms.models import model_to_dict
from ninja import Router

from dashboard.api.access import READ, ApiRequest
from dashboard.api.schemas import AgentsOut, CheckpointOut, OperationOut, ProblemOut
from dashboard.selectors.agents import AgentFilter, agents_page
from dashboard.selectors.checkpoints import CheckpointPage, checkpoint_page
from dashboard.selectors.operations import operation_page

router = Router(auth=READ)
_ERRORS = dict.fromkeys((401, 403, 404), ProblemOut)


@router.get("/agents", response={200: AgentsOut, **_ERRORS}, tags=["agents"])
def list_agents(
    request: ApiRequest, after: str = "", text: str = "", status: str = ""
) -> dict[str, Any]:
    """List agents, the most recently active first, 100 at a time."""
    wanted = AgentFilter(text=text, status=status)
    page = agents_page(user=request.auth.user, wanted=wanted, after=after)
    return {"items": page.rows, "next": page.next_key or None}


@router.get(
    "/checkpoints/{checkpoint_id}", response={200: CheckpointOut, **_ERRORS}, tags=["checkpoints"]
)
def get_checkpoint(request: ApiRequest, checkpoint_id: int) -> dict[str, Any]:
    """Return a checkpoint's record, without its state."""
    return _checkpoint(checkpoint_page(user=request.auth.user, checkpoint_pk=checkpoint_id))


@router.get(
    "/operations/{operation_id}", response={200: OperationOut, **_ERRORS}, tags=["operations"]
)
def get_operation(request: ApiRequest, operation_id: UUID) -> Any:
    """Return an operation and what came of it."""
    return operation_page(user=request.auth.user, operation_id=operation_id).operation


def _checkpoint(page: CheckpointPage) -> dict[str, Any]:
    row = page.checkpoint
    return {
        **model_to_dict(row),
        "id": row.pk,
        "agent": row.thread.agent_id,
        "agent_id": row.thread.agent.agent_id,
        "thread": row.thread_id,
        "thread_id": row.thread.thread_id,
        "is_head": page.is_head,
        "restore_refused": page.restore_refused,
    }
