"""Saying what is wrong once, and again only when it is something else."""

from __future__ import annotations

import logging

logger = logging.getLogger("checkpoints.reporting")


class Notices:
    """Warnings of one reporter, by subject; the same one is not repeated until it was settled."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def warn(self, subject: str, message: str) -> None:
        """Log ``message`` unless it was the last one on this subject."""
        if self._said.get(subject) != message:
            self._said[subject] = message
            told = message.rstrip(". ")
            logger.warning("%s; everything is saved in the store all the same", told)

    def settle(self, subject: str) -> None:
        """Forget the last warning on this subject: it is right again."""
        self._said.pop(subject, None)
