"""The kinds of finding that are known, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from checkpoints.findings.kinds import FindingKind, Severity
from checkpoints.findings.listing import LISTING
from checkpoints.findings.misleading import MISLEADING
from checkpoints.findings.moving import MOVING
from checkpoints.findings.rehearsed import REHEARSED
from checkpoints.findings.unreadable import UNREADABLE

KINDS: Final[Mapping[str, FindingKind]] = MappingProxyType(
    {kind.name: kind for kind in (*UNREADABLE, *MISLEADING, *LISTING, *MOVING, *REHEARSED)}
)
"""Every kind of finding that a store of Holdfast's yields, by its name."""


def kind_of(name: str) -> FindingKind:
    """Return a kind by its name; one that is not known, as of a plugged-in store, gets plain texts.

    A name may stand behind the way in which it was found: ``verify:truncated``.
    """
    plain = name.rpartition(":")[2]
    return KINDS.get(plain) or FindingKind(
        plain,
        plain.replace("_", " ").strip().capitalize() or "Something is wrong",
        "What follows from it is not known; its message says what is wrong.",
        "Look at the store with what wrote it, before you resume from it.",
        Severity.RISK,
    )
