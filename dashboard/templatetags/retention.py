"""How retention policies appear in templates."""

from __future__ import annotations

from typing import Any

from django import template

from dashboard.selectors.retention import level_of

register = template.Library()


@register.filter
def target_pk(policy: Any) -> int:
    """Return the number of the row that a policy is set on."""
    return level_of(policy)[1]
