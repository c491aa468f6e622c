"""Doing a transaction again when another one was in its way."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from checkpoints.stores.postgresql.errors import Conflicted

P = ParamSpec("P")
T = TypeVar("T")
ATTEMPTS = 6
"""How often a transaction is begun; the last time nobody else writes beside it."""
PAUSE_SECONDS = 0.01


class _Mode(threading.local):
    alone = False


_mode = _Mode()


def alone() -> bool:
    """Say whether what this thread does now is to be done while nobody else writes."""
    return _mode.alone


def repeated(method: Callable[P, T]) -> Callable[P, T]:
    """Have something that writes done again when others were in its way, at last alone."""

    @wraps(method)
    def attempted(*args: P.args, **values: P.kwargs) -> T:
        for attempt in range(1, ATTEMPTS):
            try:
                return method(*args, **values)
            except Conflicted:
                time.sleep(PAUSE_SECONDS * 2**attempt * random.random())  # noqa: S311 - spreads them
        return undisturbed(method)(*args, **values)

    return attempted


def undisturbed(method: Callable[P, T]) -> Callable[P, T]:
    """Have something done while nobody else writes."""

    @wraps(method)
    def done(*args: P.args, **values: P.kwargs) -> T:
        _mode.alone = True
        try:
            return method(*args, **values)
        finally:
            _mode.alone = False

    return done
