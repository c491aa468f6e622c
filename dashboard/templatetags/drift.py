"""How drift appears in templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from checkpoints.drift.signals import Signal
from dashboard import formats
from dashboard.models import DriftAlert

register = template.Library()
SHOWN_EPISODES = 50


@register.filter
def strength(signal: Signal) -> str:
    """Show how far a signal passed its threshold."""
    if signal.threshold <= 0:
        return "found"
    return f"{signal.score / signal.threshold:.1f} × what is asked for"


@register.filter
def rough(value: float) -> str:
    """Show a number with four digits that count."""
    return formats.figure(float(f"{value:.4g}"))


@register.filter
def percent(share: float) -> str:
    """Show a share as a whole percentage, never as more than it is."""
    return f"{int(share * 100)}%"


@register.simple_tag
def share_bar(share: float) -> SafeString:
    """Show a share as a bar."""
    return format_html(
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="6"/><rect class="fill" width="{}" height="6"/>'
        "</svg>",
        round(100 * share),
    )


@register.simple_tag
def restore_reason(alert: DriftAlert) -> str:
    """Return the query that fills in why a checkpoint is restored."""
    return urlencode({"reason": f"drift #{alert.number}: {alert.words}"[:200]})


@register.filter
def of_key(values: Mapping[str, Any], key: str) -> Any:
    """Return a mapping's value, None where it has none."""
    return values.get(key)


@register.filter
def near(value: float | None, text: str) -> bool:
    """Whether a number is the one that is written."""
    return value is not None and abs(value - float(text)) < 1e-9


@register.filter
def is_a_step(value: float | None, steps: Sequence[tuple[str, str]]) -> bool:
    """Whether a number is one of those that can be chosen."""
    return any(near(value, text) for text, _ in steps)


@register.filter
def unlocal(value: float) -> str:
    """Write a number as a form's field holds it."""
    return f"{value:g}"


@register.filter
def total(values: Iterable[int]) -> int:
    """Return the sum."""
    return sum(values)


@register.filter
def last_first(values: Sequence[Any]) -> list[Any]:
    """Return the last fifty, the last one first."""
    return list(values)[: -SHOWN_EPISODES - 1 : -1]
