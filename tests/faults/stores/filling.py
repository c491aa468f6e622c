"""A process whose files may not grow beyond a limit, as after ``ulimit -f``.

``python -m tests.faults.stores.filling URL BYTES`` prints one JSON object (see ``Told``).
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from checkpoints import CheckpointError, Store
from tests.faults.stores.states import AGENT, draft_of, opened

THREAD = "main"
MOST = 400


@dataclass(slots=True)
class Told:
    """What was acknowledged, how it ended, and what came of saving on when there was room."""

    acknowledged: list[int] = field(default_factory=list)
    error: str = ""
    text: str = ""
    ours: bool = False
    afterwards: str = ""


def incompressible(number: int) -> dict[str, Any]:
    """Return a state that takes about 8 KB in any store."""
    return {"n": number, "text": Random(number).randbytes(4000).hex()}


def save_one(store: Store, number: int) -> None:
    """Save a state that fills the disk a little more."""
    head = store.head(AGENT, THREAD)
    parent = head.checkpoint_id if head else None
    given = draft_of(THREAD, number, parent=parent)
    store.put(given, incompressible(number), expected_head=parent)


def fill(store: Store) -> Told:
    """Save until it cannot be done."""
    told = Told()
    for number in range(1, MOST):
        try:
            save_one(store, number)
        except Exception as error:  # noqa: BLE001 - whether it is ours is what is asked
            told.error, told.text = type(error).__name__, str(error)
            told.ours = isinstance(error, CheckpointError)
            return told
        told.acknowledged.append(number)
    raise AssertionError("the disk never became full")


def save_on(store: Store, told: Told) -> None:
    """Save once more, now that there is room."""
    try:
        save_one(store, MOST)
    except Exception as error:  # noqa: BLE001 - told to the test
        told.afterwards = f"{type(error).__name__}: {error}"
    else:
        told.acknowledged.append(MOST)


def main(url: str, limit: int) -> None:
    """Fill up to the limit, lift it, and go on with the same opened store."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    store = opened(url)
    told = fill(store)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    save_on(store, told)
    print(json.dumps(asdict(told)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
