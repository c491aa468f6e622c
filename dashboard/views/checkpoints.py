"""A checkpoint: its page, its state node by node, its difference from another, its bytes."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render

import checkpoints
from dashboard.numbers import LONGEST
from dashboard.requests import PageRequest
from dashboard.selectors.checkpoints import (
    checkpoint_page,
    diff_command,
    find_checkpoint,
    parent_of,
)
from dashboard.selectors.restorability import why_not_fork
from dashboard.selectors.rights import why_not
from dashboard.services import states
from dashboard.views.differences import grouped
from dashboard.views.queries import BadQuery, number
from dashboard.views.unreadable import unreadable


def checkpoint(request: PageRequest, checkpoint_id: int) -> HttpResponse:
    """Show a checkpoint; its state and what changed come by themselves."""
    page = checkpoint_page(user=request.user, checkpoint_pk=checkpoint_id)
    return render(request, "checkpoints/checkpoint.html", {"page": page, "section": "agents"})


def state(request: PageRequest, checkpoint_id: int) -> HttpResponse:
    """Show one level of the state's tree; for htmx that level alone."""
    row = find_checkpoint(user=request.user, checkpoint_pk=checkpoint_id)
    template = "checkpoints/_state.html" if request.htmx else "checkpoints/state.html"
    try:
        page = states.state_page(
            user=request.user,
            checkpoint_pk=checkpoint_id,
            places=_places(request),
            start=number(request.GET, "start") or 0,
        )
    except checkpoints.CheckpointError as error:
        return unreadable(request, error, checkpoint_id)
    project = row.thread.agent.source.project
    editable = not (why_not_fork(row, edited=True) or why_not(request.user, "operate", project))
    context = {"page": page, "editable": editable, "section": "agents"}
    return render(request, template, context)


def diff(request: PageRequest, checkpoint_id: int) -> HttpResponse:
    """Show what changed from another checkpoint, by default its parent; htmx gets that alone."""
    right = find_checkpoint(user=request.user, checkpoint_pk=checkpoint_id)
    other = number(request.GET, "with")
    left = find_checkpoint(user=request.user, checkpoint_pk=other) if other else parent_of(right)
    try:
        page = states.diff_page(user=request.user, left_pk=left.pk, right_pk=right.pk)
    except checkpoints.CheckpointError as error:
        return unreadable(request, error, checkpoint_id)
    context = {
        "left": left,
        "right": right,
        "groups": grouped(page.changes),
        "cli": diff_command(left, right),
        "section": "agents",
    }
    template = "checkpoints/_diff.html" if request.htmx else "checkpoints/diff.html"
    return render(request, template, context)


def compare(request: PageRequest) -> HttpResponse:
    """Go to the difference of the two checkpoints that were selected in a list."""
    picked = sorted({int(text) for text in request.GET.getlist("pick") if _is_number(text)})
    if len(picked) != 2:
        raise BadQuery("Select two checkpoints of a timeline to compare them.")
    address = redirect("checkpoint-diff", picked[1])
    address["Location"] += f"?with={picked[0]}"
    return address


def raw(request: PageRequest, checkpoint_id: int) -> HttpResponse:
    """Hand out the stored bytes as they are, as a file and never as a page."""
    try:
        body = states.raw_bytes(user=request.user, checkpoint_pk=checkpoint_id)
    except checkpoints.CheckpointError as error:
        return unreadable(request, error, checkpoint_id)
    name = f'attachment; filename="checkpoint-{body.checkpoint_pk}.bin"'
    headers = {"Content-Disposition": name}
    return HttpResponse(body.data, content_type="application/octet-stream", headers=headers)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST


def _places(request: PageRequest) -> tuple[states.Place, ...]:
    try:
        return states.read_places(request.GET.get("path", ""))
    except states.NoPlace as error:
        raise BadQuery("This is no path into a state; open the state from its top.") from error
