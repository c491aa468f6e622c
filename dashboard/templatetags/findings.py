"""How findings say what can be done."""

from __future__ import annotations

import re
import shlex

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
_COMMAND = re.compile(r"`([^`]+)`")
_URL = re.compile(r"\bURL\b")


@register.filter
def is_encrypted(damage: str) -> bool:
    """Say whether a state cannot be read for want of a key alone: nothing is wrong with it."""
    return damage.startswith("encrypted")


@register.filter
def damage_state(damage: str) -> SafeString:
    """Show why a state cannot be read by shape, colour and a word; all of it on hover."""
    look, word = ("neutral", "encrypted") if is_encrypted(damage) else ("failed", "damaged")
    return format_html('<span class="state {}" title="{}">{}</span>', look, damage, word)


@register.filter
def with_commands(remedy: str, url: str) -> SafeString:
    """Return what can be done, its commands set apart and about the store at ``url``."""
    parts = _COMMAND.split(remedy)
    return format_html_join("", "{}", ((_part(n, part, url),) for n, part in enumerate(parts)))


def _part(number: int, text: str, url: str) -> str | SafeString:
    if number % 2 == 0:
        return text
    quoted = shlex.quote(url)
    return format_html("<code>{}</code>", _URL.sub(lambda _: quoted, text))
