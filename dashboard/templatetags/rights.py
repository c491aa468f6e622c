"""What the person who looks at a page may do, for its navigation."""

from __future__ import annotations

from typing import Any

from django import template

from dashboard import access

register = template.Library()


@register.filter
def administers(user: Any) -> bool:
    """Say whether a person administers any project."""
    return access.may(user, "admin")


@register.filter
def operates(user: Any) -> bool:
    """Say whether a person operates any project."""
    return access.may(user, "operate")
