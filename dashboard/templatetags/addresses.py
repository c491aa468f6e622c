"""Addresses of rows: the index's own short id and a readable name, never a raw one."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.text import slugify

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
