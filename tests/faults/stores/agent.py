"""A process with managers that is killed: it does one thing again and again, and tells how far.

``python -m tests.faults.stores.agent WHAT PLACE URL…``; ``what`` names a function below. What it
does outside itself is a line in the file ``PLACE``.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

from checkpoints import CheckpointGroup, CheckpointManager
from tests.faults.stores.states import AGENT, opened, state_of

THREAD = "main"
BATCH = 7
MEMBERS = ("planner", "writer")


def pay(world: Path, url: str) -> None:
    """Pay each order once; a state is saved after every tenth."""
    manager = CheckpointManager(AGENT, store=opened(url))
    first = (manager.resume() or {"n": 0})["n"] + 1
    for order in itertools.count(first):
        with manager.effect("pay", str(order)) as effect:
            if not effect.done and not (effect.uncertain and order in paid(world)):
                _append(world, f"{order}\n")
        tell(str(order))
        if order % 10 == 0:
            manager.create_checkpoint(state={"n": order})


def save_later(_place: Path, url: str) -> None:
    """Save in the background, and tell after each flush what is durable."""
    manager = CheckpointManager(AGENT, store=opened(url), durability="async")
    first = (manager.resume() or {"n": 0})["n"] + 1
    random = Random(first)
    for number in itertools.count(first):
        manager.create_checkpoint(state=state_of(THREAD, number))
        if random.random() < 0.05:
            manager.flush()
            tell(str(number))


def save_batches(_place: Path, url: str) -> None:
    """Save in batches, and tell the last number of each."""
    manager = CheckpointManager(AGENT, store=opened(url))
    number = (manager.resume() or {"n": 0})["n"]
    while True:
        with manager.batch():
            for _ in range(BATCH):
                number += 1
                manager.create_checkpoint(state=state_of(THREAD, number))
        tell(str(number))


def cut(_place: Path, *urls: str) -> None:
    """Take cuts of agents that save into different stores, and tell the id of each."""
    group = group_in(*urls)
    for number in itertools.count():
        for member in group.members:
            member.state = {"n": number}
        tell(group.checkpoint().id)


def group_in(*urls: str) -> CheckpointGroup:
    """Return the group of all members, each in its store."""
    return CheckpointGroup(
        [
            CheckpointManager(name, store=opened(url))
            for name, url in zip(MEMBERS, urls, strict=True)
        ]
    )


def paid(world: Path) -> list[int]:
    """Return the orders that were paid, as the world knows it."""
    return [int(line) for line in world.read_text().split()] if world.exists() else []


def tell(text: str) -> None:
    """Tell in one call what is safe."""
    os.write(1, f"{text}\n".encode())


def _append(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, text.encode())
    os.close(descriptor)


if __name__ == "__main__":
    what, place, *urls = sys.argv[1:]
    doing: dict[str, Callable[..., None]] = {
        "pay": pay,
        "save_later": save_later,
        "save_batches": save_batches,
        "cut": cut,
    }
    doing[what](Path(place), *urls)
