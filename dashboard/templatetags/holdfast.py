"""How values appear in templates: relative times, sizes, states, short ids, copy buttons."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import template
from django.http import QueryDict
from django.template.context import RequestContext
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import formats, looks

register = template.Library()
THEMES = ("light", "dark")


@register.simple_tag
def ago(then: datetime | None) -> str | SafeString:
    """Show a time relative to now, exact on hover; – when unknown."""
    if then is None:
        return formats.UNKNOWN
    exact = then.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        then.isoformat(),
        exact,
        formats.age(then, timezone.now()),
    )


@register.simple_tag
def clock(then: datetime) -> SafeString:
    """Show the time of day, exact on hover."""
    exact = then.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html(
        '<time datetime="{}" title="{}" data-clock>{}</time>',
        then.isoformat(),
        exact,
        f"{then:%H:%M:%S}",
    )


@register.filter
def bytes_of(count: int | None) -> str | SafeString:
    """Show a size in KB or MB with the exact bytes on hover; – when unknown."""
    if count is None:
        return formats.UNKNOWN
    return format_html('<span title="{}">{}</span>', formats.exact_size(count), formats.size(count))


@register.filter
def dash(value: Any) -> Any:
    """Show – for what is unknown; zero stays zero."""
    return formats.UNKNOWN if value is None or value == "" else value


@register.filter
def short(identifier: object) -> str:
    """Cut a long id in the middle."""
    return formats.short(str(identifier))


@register.filter
def sentence(message: object) -> str:
    """End a message with exactly one full stop."""
    return formats.sentence(str(message or ""))


@register.filter
def cause(error: object) -> str:
    """Show an error of a checkpoint's metadata as its type and its message."""
    return formats.cause(error)


@register.filter
def copied_by(metadata: Any) -> str:
    """Return what wrote a copy: ``forked``, ``restored``, or nothing for an agent's own save."""
    if metadata.get("forked_from") and not metadata.get("restored_from"):
        return "forked"
    return "restored" if metadata.get("holdfast_operation_id") else ""


@register.filter
def figure(value: object) -> str:
    """Show a measured number as people write it."""
    return formats.figure(value)


@register.filter
def json_text(value: object) -> str:
    """Show a value of JSON types as JSON, every character as it is."""
    return json.dumps(value, ensure_ascii=False)


@register.filter
def thousands(count: int | None) -> str:
    """Group digits: 1,912; – when unknown."""
    return formats.UNKNOWN if count is None else f"{count:,}"


@register.simple_tag
def state(value: str, words: str = "") -> SafeString:
    """Show a state by shape, colour and words."""
    shown = looks.look(str(value))
    return format_html('<span class="state {}">{}</span>', shown.look, words or shown.words)


@register.filter
def look(value: str) -> str:
    """Return the class that carries a state's shape and colour."""
    return looks.look(str(value)).look


@register.filter
def theme(value: str | None) -> str:
    """Return the theme that a cookie asks for; anything else follows the system."""
    return value if value in THEMES else "system"


@register.inclusion_tag("parts/_copy.html")
def copy(text: object, what: str) -> dict[str, str]:
    """Show a button that copies ``text``; ``what`` names it for those who cannot see it."""
    return {"text": str(text), "what": what}


@register.inclusion_tag("parts/_command.html")
def command(text: str, what: str) -> dict[str, str]:
    """Show lines of code with a copy button."""
    return {"text": text, "what": what}


@register.inclusion_tag("parts/_field.html")
def field(bound: Any) -> dict[str, Any]:
    """Show a form field with label, help and errors."""
    return {"field": bound}


@register.simple_tag(takes_context=True)
def with_query(context: RequestContext, **changes: Any) -> str:
    """Return the present query string with some values changed; an empty value drops its key."""
    query: QueryDict = context["request"].GET.copy()
    query.pop("after", None)
    for key, value in changes.items():
        if value in (None, ""):
            query.pop(key, None)
        else:
            query[key] = str(value)
    return f"?{query.urlencode()}"
