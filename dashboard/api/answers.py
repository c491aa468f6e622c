"""Operations and plans as the schemas take them; the command line prints the same."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.forms.models import model_to_dict

from dashboard.services import orders
from dashboard.services.operations.impacts import RestoreImpact


def ordered_answer(placed: orders.Placed, impact: RestoreImpact | None = None) -> dict[str, Any]:
    """Return what an order came to, for OrderedOut."""
    shown = orders.shown(placed.operation, is_kept=placed.is_kept)
    page = orders.plan_page(placed.operation)
    number = placed.operation.pk if placed.is_kept else None
    return {
        "operation": operation_answer(shown),
        "plan": plan_answer(page, number),
        "impact": impact_answer(impact),
    }


def impact_answer(impact: RestoreImpact | None) -> dict[str, Any] | None:
    """Return what a restore would mean, for ImpactOut."""
    if impact is None:
        return None
    return {
        "impact": impact.impact.to_dict() if impact.impact else None,
        "problem": impact.problem,
        "fenced": impact.fenced,
        "writers": impact.writers,
    }


def operation_answer(shown: orders.ShownOperation) -> dict[str, Any]:
    """Return an operation, for OperationOut."""
    row = shown.operation
    result = {name: value for name, value in row.result.items() if name != "receipt"}
    return {
        **model_to_dict(row),
        "id": row.pk if shown.is_kept else None,
        "about": row.about,
        "requested_by": row.asked_by,
        "approved_by": row.approved_by.get_username() if row.approved_by else None,
        "counts": shown.counts,
        "plan_damage": shown.plan_damage,
        "name_to_type": shown.name_to_type,
        "undo_refused": shown.undo_refused,
        "result": result,
        "log": shown.log,
        "steps": shown.steps,
        "steps_count": shown.steps_count,
    }


def plan_answer(page: orders.PlanPage, number: UUID | None) -> dict[str, Any]:
    """Return a page of a plan, for PlanOut; a plan that is not kept has no ``number``."""
    return {
        "operation": number,
        "kind": page.operation.kind,
        "plan_hash": page.operation.plan_hash,
        "counts": page.counts,
        "details": page.details,
        "notes": page.notes,
        "items": [entry._asdict() for entry in page.entries],
        "next": None if page.next_after is None else str(page.next_after),
    }
