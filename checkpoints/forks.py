"""What must be made anew in a forked child: locks that other threads held, and connections."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """Holds something that a forked child must not share."""

    def after_fork(self) -> None:
        """Make it anew. Called in the child, in its only thread."""
        ...


_known: WeakSet[Forkable] = WeakSet()


def renew_in_children(thing: Forkable) -> None:
    """Have ``thing.after_fork()`` called in every process that is forked from here on."""
    _known.add(thing)


def _renew_all() -> None:
    for thing in list(_known):
        thing.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
