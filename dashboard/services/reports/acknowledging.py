"""What agents made of directives: the first answer stands, also after a cancel that came late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from dashboard.models import ApiToken, Directive, DirectiveState, Source
from dashboard.services import audit
from dashboard.services.ingest.cleaning import text
from dashboard.services.reports.items import AcknowledgementItem, Refused

UNKNOWN = "directive_id: there is no such directive for this agent and source"


def take_acknowledgements(
    token: ApiToken, source: Source, items: Sequence[AcknowledgementItem], now: datetime
) -> tuple[list[Directive], list[Refused]]:
    """Write down answers; return what they are new for, and those to no directive of this source.

    :func:`note_acknowledged` tells the audit log, once nothing else is left to be locked.
    """
    known = _known(token, source, items)
    refused: list[Refused] = []
    told: list[Directive] = []
    for item in items:
        row = known.get(item.directive_id)
        if row is None:
            refused.append(Refused(id=item.id, detail=UNKNOWN))
        elif row.state != DirectiveState.ACKNOWLEDGED:
            _acknowledge(row, item, now)
            told.append(row)
    return told, refused


def _known(
    token: ApiToken, source: Source, items: Sequence[AcknowledgementItem]
) -> dict[str, Directive]:
    wanted = {found for item in items if (found := _uuid(item.directive_id)) is not None}
    if not wanted:
        return {}
    rows = Directive.objects.filter(pk__in=wanted, thread__agent__source=source)
    if token.agent_id:
        rows = rows.filter(thread__agent__agent_id=token.agent_id)
    return {str(row.pk): row for row in rows.select_for_update()}


def _uuid(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None


def _acknowledge(row: Directive, item: AcknowledgementItem, now: datetime) -> None:
    row.state = DirectiveState.ACKNOWLEDGED
    row.outcome, row.detail = item.outcome, text(item.detail)
    row.finished_at = min(item.at, now)
    row.save(update_fields=["state", "outcome", "detail", "finished_at"])


def note_acknowledged(token: ApiToken, rows: Iterable[Directive], now: datetime) -> None:
    """Tell the audit log of answers. It keeps its own time: an agent may say any."""
    for row in rows:
        audit.record(
            user=None,
            actor=f"agent with token {token.prefix}…",
            action="directive.acknowledged",
            target=str(row.pk),
            details={"outcome": row.outcome, "detail": row.detail},
            now=now,
            project=token.project_id,
        )
