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
def with_commands(remedy: str, url: str) -> SafeString:
    """Return what can be done, its commands set apart and about the store at ``url``."""
    parts = _COMMAND.split(remedy)
    return format_html_join("", "{}", ((_part(n, part, url),) for n, part in enumerate(parts)))


def _part(number: int, text: str, url: str) -> str | SafeString:
    if number % 2 == 0:
        return text
    quoted = shlex.quote(url)
    return format_html("<code>{}</code>", _URL.sub(lambda _: quoted, text))
