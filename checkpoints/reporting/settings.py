"""Where to report, and the bounds within which it is done."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger("checkpoints.reporting")

DEFAULT_SPOOL = Path(".holdfast/spool")
TIMEOUT_SECONDS = 5.0
"""How long one request, and by default ``close()``, may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What reporting may cost. Sizes are bytes.

    ``queue_items`` wait in memory until they are on disk, ``memory_bytes`` where the disk takes
    nothing. Pauses between tries are drawn at random below a bound that doubles from
    ``first_pause`` to ``longest_pause`` seconds.
    """

    queue_items: int = 10_000
    spool_bytes: int = 64_000_000
    memory_bytes: int = 8_000_000
    timeout: float = TIMEOUT_SECONDS
    first_pause: float = 0.5
    longest_pause: float = 60.0


USUAL = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A dashboard, the token for it, and the spool, as an absolute path."""

    url: str
    token: str = field(repr=False)
    spool: Path
    bounds: Bounds = USUAL

    @classmethod
    def from_environment(cls, *, spool: Path | None = None) -> Settings | None:
        """Return settings when HOLDFAST_DASHBOARD_URL and HOLDFAST_TOKEN are set, else None."""
        url, token = os.environ.get("HOLDFAST_DASHBOARD_URL"), os.environ.get("HOLDFAST_TOKEN")
        if url and not token:
            logger.warning(
                "HOLDFAST_DASHBOARD_URL is set and HOLDFAST_TOKEN is not: nothing is reported"
            )
        folder = spool or spool_folder()
        return cls(url=url, token=token, spool=folder) if url and token else None

    @property
    def endpoint(self) -> str:
        """The address of the dashboard's API."""
        return self.url.rstrip("/") + "/api/v1"

    @property
    def destination(self) -> Path:
        """The part of the spool that holds what is meant for this dashboard and no other."""
        return self.spool / hashlib.sha256(self.url.rstrip("/").encode()).hexdigest()[:16]


def spool_folder() -> Path:
    """Return HOLDFAST_SPOOL, else ``.holdfast/spool`` under the working directory."""
    return Path(os.environ.get("HOLDFAST_SPOOL") or DEFAULT_SPOOL).absolute()
