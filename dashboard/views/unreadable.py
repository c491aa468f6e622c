"""What is shown when a store does not give up a state: why, and what to do."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpResponse
from django.shortcuts import render

import checkpoints
from dashboard.formats import sentence
from dashboard.requests import PageRequest

DAMAGED = "This checkpoint is damaged."
UNREADABLE = "This cannot be read now."


def unreadable(
    request: PageRequest, error: checkpoints.CheckpointError, checkpoint_id: int
) -> HttpResponse:
    """Answer with the reason; htmx gets a part that it puts where the state would stand."""
    damaged = isinstance(error, checkpoints.CorruptCheckpoint)
    context = {
        "title": DAMAGED if damaged else UNREADABLE,
        "message": sentence(str(error)),
        "checkpoint_id": checkpoint_id,
        "section": "agents",
    }
    name = "_unreadable" if request.htmx else "unreadable"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, f"checkpoints/{name}.html", context, status=status)
