"""What cannot be done about notifications, and why."""

from __future__ import annotations


class NotificationRefused(Exception):
    """What was asked for cannot be; nothing was changed."""
