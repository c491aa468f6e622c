"""How to come to a server for somebody else: where it was found to lie, and as whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a process that opens stores for others lets a store use: this and nothing of its own.

    ``addresses`` are those that each host's name was found to stand for and that may be gone to: a
    connection goes there and asks no name server again, while certificates are those of the name.
    ``user`` and ``password`` are a bucket's, whose URLs hold none; without a user it is read as
    anybody may. With ``as_itself`` a bucket that has none is opened with what the process or its
    machine has.
    """

    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    as_itself: bool = False

    def addresses_of(self, host: str) -> tuple[str, ...]:
        """Return where a host lies; the name itself where nobody has looked."""
        return self.addresses.get(host.lower(), (host,))
