"""Addresses of rows: the index's own short id and a readable name, never a raw one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.text import slugify

from dashboard import formats
from dashboard.services.states import places_text

register = template.Library()
LONGEST_SLUG = 60


def slug_of(agent_id: str) -> str:
    """Return a readable part for an address; any name gives a valid one."""
    return slugify(agent_id)[:LONGEST_SLUG].strip("-_") or "agent"


@register.simple_tag
def agent_url(agent: Any) -> str:
    """Return the address of an agent's timeline."""
    return reverse("agent", args=[agent.pk, slug_of(agent.agent_id)])


@register.simple_tag
def thread_url(agent: Any, thread: Any, page: str = "thread") -> str:
    """Return the address of a thread's timeline, or of one of its parts."""
    return reverse(page, args=[agent.pk, slug_of(agent.agent_id), thread.pk])


@register.simple_tag
def state_url(checkpoint: Any, node: Any, start: int = 0) -> str:
    """Return the address of a value in a checkpoint's state."""
    place = {"path": places_text(node.places)}
    if start:
        place["start"] = str(start)
    return f"{reverse('checkpoint-state', args=[checkpoint.pk])}?{urlencode(place)}"


@register.simple_tag
def edit_url(checkpoint: Any, node: Any) -> str:
    """Return the address of the fork page with a value of a checkpoint's state to edit."""
    place = urlencode({"path": places_text(node.places)})
    return f"{reverse('fork', args=[checkpoint.pk])}?{place}"


@register.filter
def path_text(path: tuple[str | int, ...]) -> str:
    """Return a path into a state as it would be written in code."""
    return formats.path_text(path)


@register.filter
def short_path_text(path: tuple[str | int, ...]) -> str:
    """Return a path for reading alone, with long names cut."""
    return formats.short_path_text(path)
