"""A QR code's shape, taken out of the SVG that a library made, so that templates draw it."""

from __future__ import annotations

import re

from django import template

register = template.Library()
_PATH = re.compile(r'<path[^>]*\bd="([MmLlHhVvZz0-9 .,\-]+)"')
_BOX = re.compile(r'\bviewBox="([0-9 .]+)"')


@register.filter
def qr_path(svg: str) -> str:
    """Return the code's path data; empty when there is none."""
    found = _PATH.search(svg)
    return found[1] if found else ""


@register.filter
def qr_box(svg: str) -> str:
    """Return the code's view box, in its own units."""
    found = _BOX.search(svg)
    return found[1] if found else "0 0 1 1"
