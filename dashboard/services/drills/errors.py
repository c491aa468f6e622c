"""What cannot be done about drills, and why."""

from __future__ import annotations


class DrillRefused(Exception):
    """What was asked for cannot be; nothing was changed."""
