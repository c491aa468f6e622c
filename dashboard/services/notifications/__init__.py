"""Telling people what happened: by mail, webhook and the services that Apprise knows."""

from dashboard.services.notifications.announcing import announce, settle
from dashboard.services.notifications.happenings import SEVERITIES, Happening

__all__ = [
    "SEVERITIES",
    "Happening",
    "announce",
    "settle",
]
