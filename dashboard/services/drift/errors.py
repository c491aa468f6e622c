"""Why nothing was done about a drift alert."""

from __future__ import annotations


class DriftRefused(ValueError):
    """What was asked for cannot be; the text says what was not changed and what to do."""
