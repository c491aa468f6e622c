"""The fork page: a new thread that begins at a checkpoint, its state edited where wanted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from http import HTTPStatus
from math import isfinite
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

import checkpoints
from dashboard.formats import short_path_text
from dashboard.forms import ForkForm, new_key
from dashboard.requests import PageRequest
from dashboard.selectors.checkpoints import find_checkpoint, fork_command
from dashboard.selectors.restorability import why_not_fork
from dashboard.selectors.rights import why_not
from dashboard.services import operations, states
from dashboard.services.operations import OperationRefused
from dashboard.views.unreadable import unreadable

MOST_EDITS = 50
KEEP, SET, REMOVE = "keep", "set", "remove"
ACTS = ((SET, "becomes"), (REMOVE, "is taken away"), (KEEP, "stays as it is"))


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRow:
    """One edit in the form: ``path`` as JSON, the value as it was typed, what is wrong with it."""

    path: str
    name: str
    act: str = SET
    value: str = ""
    note: str = ""
    error: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def fork(request: PageRequest, checkpoint_id: int) -> HttpResponse:
    """Show what can be chosen; a POST makes the preview. htmx gets one more value to edit."""
    row = find_checkpoint(user=request.user, checkpoint_pk=checkpoint_id)
    if request.method == "POST":
        return _preview(request, checkpoint_id)
    try:
        chosen = _chosen(request, checkpoint_id)
    except checkpoints.CheckpointError as error:
        return unreadable(request, error, checkpoint_id)
    if request.htmx:
        return render(request, "forks/_edit.html", {"edit": chosen, "acts": ACTS})
    form = ForkForm(initial={"thread_id": _suggested(row), "nonce": new_key()})
    return _page(request, checkpoint_id, form, [chosen] if chosen else [])


def _preview(request: PageRequest, checkpoint_id: int) -> HttpResponse:
    form = ForkForm(request.POST)
    edits = _posted(request)
    if not form.is_valid() or any(edit.error for edit in edits):
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return _page(request, checkpoint_id, form, edits, status=status)
    try:
        draft = operations.draft_fork(
            user=request.user,
            checkpoint_pk=checkpoint_id,
            thread_id=form.cleaned_data["thread_id"],
            agent_id=form.cleaned_data["agent_id"] or None,
            edits=_edits(edits),
            idempotency_key=_key(form, edits),
            now=timezone.now(),
        )
    except OperationRefused as error:
        form.add_error(None, str(error))
        return _page(request, checkpoint_id, form, edits, status=HTTPStatus.CONFLICT)
    return redirect("operation", draft.pk)


def _chosen(request: PageRequest, checkpoint_id: int) -> EditRow | None:
    """Return the row for the value that the address names. Raises CheckpointError, NotFound."""
    text = request.GET.get("path", "")
    if not text:
        return None
    try:
        places = states.read_places(text)
    except states.NoPlace:
        return None
    found = states.editable_value(user=request.user, checkpoint_pk=checkpoint_id, places=places)
    path = json.dumps(list(found.path), ensure_ascii=False)
    name = short_path_text(found.path)
    return EditRow(path=path, name=name, value=found.text, note=found.note)


def _posted(request: PageRequest) -> list[EditRow]:
    lists = [request.POST.getlist(name)[:MOST_EDITS] for name in ("path", "act", "value")]
    return [_read(path, act, value) for path, act, value in zip(*lists, strict=False)]


def _read(path: str, act: str, value: str) -> EditRow:
    keys = _path(path)
    if keys is None:
        return EditRow(path=path, name=path[:80], act=act, value=value, error="This is no path.")
    row = EditRow(path=path, name=short_path_text(keys), act=act, value=value)
    if act == SET and (why := _why_no_json(value)):
        return EditRow(path=path, name=row.name, act=act, value=value, error=why)
    return row


def _path(text: str) -> tuple[str | int, ...] | None:
    try:
        keys = json.loads(text)
    except (ValueError, RecursionError):
        return None
    good = isinstance(keys, list) and all(type(key) in (str, int) for key in keys)
    return tuple(keys) if good and keys and not states.why_not_kept(keys) else None


def _why_no_json(text: str) -> str:
    try:
        return states.why_not_kept(_value(text))
    except json.JSONDecodeError as error:
        return f"This is not JSON: {error}. Text stands in double quotes."
    except (ValueError, RecursionError) as error:
        return f"This is not JSON: {error}."


def _value(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is no number that JSON knows")

    def finite(digits: str) -> float:
        number = float(digits)
        return number if isfinite(number) else refuse(digits)

    return json.loads(text, parse_constant=refuse, parse_float=finite)


def _edits(rows: list[EditRow]) -> list[checkpoints.Edit]:
    return [
        checkpoints.Edit(
            path=_path(row.path) or (),
            value=_value(row.value) if row.act == SET else None,
            remove=row.act == REMOVE,
        )
        for row in rows
        if row.act != KEEP
    ]


def _key(form: ForkForm, edits: list[EditRow]) -> str:
    """Return one key for each thing that this form was sent with: back and forth makes others."""
    values = [
        form.cleaned_data["nonce"],
        form.cleaned_data["thread_id"],
        form.cleaned_data["agent_id"],
        *([edit.path, edit.act, edit.value] for edit in edits),
    ]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _suggested(row: Any) -> str:
    return f"{row.thread.thread_id}-from-{row.step}"


def _page(
    request: PageRequest,
    checkpoint_id: int,
    form: ForkForm,
    edits: list[EditRow],
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    row = find_checkpoint(user=request.user, checkpoint_pk=checkpoint_id)
    context = {
        "row": row,
        "form": form,
        "edits": edits,
        "acts": ACTS,
        "refused": why_not_fork(row)
        or why_not(request.user, "operate", row.thread.agent.source.project),
        "edit_refused": why_not_fork(row, edited=True),
        "cli": fork_command(row),
        "section": "agents",
    }
    return render(request, "forks/fork.html", context, status=status)
