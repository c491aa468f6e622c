"""Checkpoints that go after a while: what ``ttl=`` in a Redis store's URL means.

Redis' own expiry would take a frame from under those that stand on it. So what was saved with a
ttl is removed by the processes that save: as by a trash and a sweep, with what stands on it
written anew. Heads and pins stay, and are looked at again after another ttl. That they went is
told for another ttl; who asks for changes less often has to list the store anew. In a store that
nobody saves into, nothing goes.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from checkpoints.errors import CheckpointError, PlanRefused
from checkpoints.stores.framing import Framing
from checkpoints.stores.redis import removing, scripts
from checkpoints.stores.redis.rows import Row
from checkpoints.stores.redis.server import LOG, RedisServer

_SHARE, _LONGEST, _ATTEMPTS = 10, 600, 10


class Retention:
    """Removes what is older than a ttl, ten times in a ttl and at least every ten minutes.

    Of all the processes that save into a store, one does it each time.
    """

    def __init__(self, server: RedisServer, ttl: int, framing: Framing) -> None:
        self._server = server
        self._ttl = ttl
        self._framing = framing
        self._period = min(max(1, ttl // _SHARE), _LONGEST)
        self._next = 0.0

    def run_if_due(self) -> None:
        """Remove what is due. Nothing that goes wrong here fails the save that it follows."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._period
        try:
            self.run()
        except CheckpointError as error:
            LOG.warning("what is older than its ttl was not removed: %s", error)

    def run(self) -> int:
        """Remove what is due, if it is this process's turn; return how many checkpoints went."""
        gone, again = 0, b""
        while found := self._due(again):
            gone += self._remove(*found)
            again = b"again"
        return gone

    def _due(self, again: bytes) -> tuple[int, list[int]] | None:
        """Return the server's time and the positions that are due, None when there are none."""
        reply = self._server.write(scripts.EXPIRED, self._period, again)
        if reply[0] != b"due" or (not reply[1] and len(reply) == 3):
            return None
        return int(reply[2]), [int(position) for position in reply[3:]]

    def _remove(self, now: int, due: list[int]) -> int:
        going, staying = removing.removable(self._server, due) if due else ([], [])
        if going and not self._trash(going, now):
            self._postpone(due, now + self._period)
            return 0
        self._delete(going)
        self._postpone(staying, now + self._ttl)
        return len(going)

    def _postpone(self, positions: list[int], until: int) -> None:
        if positions:
            self._server.write(scripts.POSTPONE, until, *positions)

    def _trash(self, going: list[Row], now: int) -> bool:
        """Move checkpoints into the trash, unless one became a head or was pinned just now."""
        reasons = {row.id: f"older than its ttl of {self._ttl} seconds" for row in going}
        at = datetime.fromtimestamp(now, UTC)
        try:
            return removing.trash(self._server, reasons, at, told_for=self._ttl) is not None
        except PlanRefused:
            return False

    def _delete(self, going: list[Row]) -> None:
        """Delete at once what was just trashed; what others keep changing waits for a sweep."""
        positions = [row.position for row in going]
        for _ in range(_ATTEMPTS if going else 0):
            if removing.delete(self._server, positions, self._framing) is not None:
                return
