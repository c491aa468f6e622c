"""Telling others what a store did, without ever failing what it does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Listener: TypeAlias = Callable[[T], object]
LOG = logging.getLogger("checkpoints.stores")


def tell(listener: Listener[T] | None, event: T) -> None:
    """Let somebody hear of an event; what they raise is logged."""
    if listener is None:
        return
    try:
        listener(event)
    except Exception:
        LOG.exception("a listener failed on %s; the store went on", type(event).__name__)
