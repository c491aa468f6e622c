"""Taking what agents report in batches, each item once, and handing out what waits for them."""

from dashboard.services.reports.directives import (
    DirectiveRefused,
    cancel_directive,
    leave_restore,
    waiting_directives,
)
from dashboard.services.reports.items import (
    AcknowledgementItem,
    CheckpointItem,
    EffectItem,
    FailureItem,
    Item,
    MetricsItem,
    Refused,
    ResumeItem,
)
from dashboard.services.reports.taking import Taken, take_reports

__all__ = [
    "AcknowledgementItem",
    "CheckpointItem",
    "DirectiveRefused",
    "EffectItem",
    "FailureItem",
    "Item",
    "MetricsItem",
    "Refused",
    "ResumeItem",
    "Taken",
    "cancel_directive",
    "leave_restore",
    "take_reports",
    "waiting_directives",
]
