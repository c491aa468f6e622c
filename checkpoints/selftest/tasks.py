"""What child processes do: ``python -m checkpoints.selftest.tasks TASK URL MODULE:OPENER``.

A child prints a line for each save only after the store has acknowledged it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

from checkpoints.errors import CheckpointError, HeadMoved, TransientStoreError
from checkpoints.selftest.bench import as_store
from checkpoints.selftest.samples import draft, state
from checkpoints.stores.base import Store

FILE_LIMIT = 256 * 1024
"""Bytes to which the ``fill`` task's files may grow."""
MAX_SAVES = 16
ENOUGH = 100_000


def save(store: Store) -> None:
    """Save one checkpoint after the other until somebody kills this process."""
    for number in range(1, ENOUGH):
        parent = f"c{number - 1}" if number > 1 else None
        store.put(draft(number, parent=parent), state(number), expected_head=parent)
        _say(number)


def race(store: Store) -> None:
    """Save, against other processes, what each line names: a number and the head expected."""
    _say("ready")
    for line in sys.stdin:
        number, _, head = line.strip().partition(" ")
        try:
            store.put(draft(int(number), parent=head), state(int(number)), expected_head=head)
            _say("won")
        except (HeadMoved, TransientStoreError):
            _say("refused")
        except CheckpointError as error:
            _say(f"raised {type(error).__name__}: {error}")


def fill(store: Store) -> None:
    """Save until no file may grow any more, then once again when it may."""
    limit(FILE_LIMIT)
    number = 1
    while number < MAX_SAVES and _saved(store, number, size=1_000 * 2**number):
        number += 1
    limit(None)
    _saved(store, number + 1, size=100)


def limit(size: int | None) -> None:
    """Let no file of this process grow past a size; None lifts it again."""
    import resource  # noqa: PLC0415 - not on every system

    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def _saved(store: Store, number: int, *, size: int) -> bool:
    head = store.head(None, "main")
    expected = head.checkpoint_id if head else None
    try:
        store.put(draft(number, parent=expected), state(number, size), expected_head=expected)
    except CheckpointError:
        _say(f"refused {number} {size}")
        return False
    except Exception as error:  # noqa: BLE001 - whatever else comes out tells against the store
        _say(f"raised {type(error).__name__}: {error}")
        return False
    _say(f"saved {number} {size}")
    return True


def _say(what: object) -> None:
    sys.stdout.write(" ".join(str(what).split()) + "\n")
    sys.stdout.flush()


TASKS: dict[str, Callable[[Store], None]] = {"save": save, "race": race, "fill": fill}


def main(task: str, url: str, opener: str) -> None:
    """Open the store with a function named ``module:function`` and do a task."""
    module, _, name = opener.partition(":")
    store = as_store(getattr(import_module(module), name)(url), url)
    TASKS[task](store)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
