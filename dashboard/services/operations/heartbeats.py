"""Keeping a lease while a step takes longer than it lasts, such as reading a store through."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime

import structlog
from django.db import DatabaseError, connection

from dashboard.services.operations import claims
from dashboard.services.operations.claims import Claim, FenceLost

BEAT_SECONDS = 20.0
"""A third of a lease: two beats may fail before another worker takes the operation over."""
MOST_BEATS = 540
"""Three hours; whoever has not come to an end by then hangs, and loses the lease."""
logger = structlog.get_logger(__name__)


@contextlib.contextmanager
def kept_alive(claim: Claim, now: Callable[[], datetime]) -> Iterator[None]:
    """Renew a claim's lease in the background; a killed or stopped process renews nothing."""
    over = threading.Event()
    beats = threading.Thread(target=_beat, args=(claim, now, over), daemon=True)
    beats.start()
    try:
        yield
    finally:
        over.set()
        beats.join()


def _beat(claim: Claim, now: Callable[[], datetime], over: threading.Event) -> None:
    """Renew until it is over, or somebody else's."""
    for _ in range(MOST_BEATS):
        if over.wait(BEAT_SECONDS):
            return
        try:
            claims.renew(claim, now=now())
        except FenceLost:
            return
        except DatabaseError as error:
            logger.warning("lease not renewed", operation=str(claim.operation.pk), error=str(error))
        finally:
            connection.close()
