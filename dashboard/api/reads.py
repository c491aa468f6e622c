"""What programs may read."""

from __future__ import annotations

from typing import Any

from django.forms.models import model_to_dict
from ninja import Router

from dashboard.api.access import READ, ApiRequest
from dashboard.api.schemas import AgentsOut, CheckpointOut
from dashboard.selectors.agents import AgentFilter, agents_page
from dashboard.selectors.checkpoints import CheckpointPage, checkpoint_page

router = Router(auth=READ)


@router.get("/agents", response={200: AgentsOut}, tags=["agents"], summary="List agents")
def list_agents(
    request: ApiRequest, after: str = "", text: str = "", status: str = ""
) -> dict[str, Any]:
    """List agents, the most recently active first, 100 at a time."""
    wanted = AgentFilter(text=text, status=status)
    page = agents_page(user=request.auth.user, wanted=wanted, after=after)
    return {"items": page.rows, "next": page.next_key or None}


@router.get(
    "/checkpoints/{checkpoint_id}",
    response={200: CheckpointOut},
    tags=["checkpoints"],
    summary="Look at a checkpoint",
)
def get_checkpoint(request: ApiRequest, checkpoint_id: int) -> dict[str, Any]:
    """Return a checkpoint's record, without its state."""
    return _checkpoint(checkpoint_page(user=request.auth.user, checkpoint_pk=checkpoint_id))


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
