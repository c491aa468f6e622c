"""Why something about retention cannot be done. Nothing was changed when it is raised."""

from __future__ import annotations


class RetentionRefused(Exception):
    """It cannot be set as asked; the message says why and what to do."""
