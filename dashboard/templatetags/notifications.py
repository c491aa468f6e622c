"""How channels, rules and messages appear in templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString

from dashboard.rule_words import hours_words, kinds_words
from dashboard.templatetags.holdfast import state

register = template.Library()


@register.filter
def rule_words(rule: Any) -> str:
    """Say what a rule tells of."""
    return kinds_words(rule)


@register.filter
def rule_hours(rule: Any) -> str:
    """Say when a rule is quiet and how often it reminds."""
    return hours_words(rule)


@register.simple_tag
def message_state(message: Any) -> SafeString:
    """Show how far a message is."""
    if message.state == "waiting":
        return state("waiting", "tried again") if message.attempts else state("queued", "waiting")
    look = "healthy" if message.state == "delivered" else "failed"
    return state(look, message.get_state_display().lower())


@register.simple_tag
def attempt_state(attempt: Any) -> SafeString:
    """Show what came of an attempt."""
    looks = {"taken": "healthy", "failed": "failed", "unknown": "attention"}
    words = attempt.get_outcome_display().lower()
    return state(looks.get(attempt.outcome, "running"), f"{words} {attempt.status or ''}".strip())


@register.simple_tag
def channel_state(row: Any) -> SafeString:
    """Show how a channel fares."""
    if row.channel.paused_at:
        return state("note", "paused")
    if row.channel.broken_since:
        return state("failed", "takes nothing")
    if row.channel.last_delivered_at:
        return state("healthy", "works")
    return state("note", "not used yet")
