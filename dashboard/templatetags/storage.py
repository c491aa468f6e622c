"""How growth appears in templates: changes with their sign, ticks of an axis, plain numbers."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import formats

register = template.Library()


@register.filter
def change_of(count: int | None) -> str | SafeString:
    """Show a change with its sign and the exact bytes on hover; – when unknown."""
    if count is None:
        return formats.UNKNOWN
    if count == 0:
        return "no change"
    sign = "+" if count > 0 else "\N{MINUS SIGN}"
    exact = f"{sign}{formats.exact_size(abs(count))}"
    return format_html('<span title="{}">{}{}</span>', exact, sign, formats.size(abs(count)))


@register.filter
def size_text(count: int | None) -> str:
    """Show a size where no markup can stand; a gap says so."""
    return "no sample" if count is None else formats.size(count)


@register.filter
def unlocalised(value: float) -> str:
    """Show a coordinate as drawings need it, whatever the language."""
    return f"{value:g}"


@register.simple_tag
def tick_of(
    at: datetime,
    by_hours: bool,  # noqa: FBT001 - a template's argument
    by_seconds: bool = False,  # noqa: FBT001, FBT002 - a template's argument
) -> SafeString:
    """Show a time under an axis: of the day, to the second in a short time, or the day."""
    exact = at.strftime("%Y-%m-%d %H:%M:%S UTC" if by_seconds else "%Y-%m-%d %H:%M UTC")
    of_day = f"{at:%H:%M:%S}" if by_seconds else f"{at:%H:%M}"
    words = of_day if by_hours else f"{at.day} {at:%b}"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, words)
