"""``python -m tests.faults.sweep.killing KIND[=TIMES] …``: workers that really die.

Each worker is a process that sends itself SIGKILL at a boundary, in the middle of a statement or a
transaction too; index and store are files on a disk, or PostgreSQL. Another process finishes what
it left, and looks whether anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tests.faults.sweep import boundaries
from tests.faults.sweep.environment import folder, set_up

ACTS = (
    *("restore", "undo_restore", "edit_fork", "prune", "undo_prune"),
    *("erase_user", "first_sweep", "second_sweep", "verify"),
)


STORE_ACTS = tuple(f"Store.{name}" for name in boundaries.ACTS)


@dataclass
class Killing:
    """One kind of store, on which a worker dies at each kind of boundary at least once."""

    world: Any
    index: Path
    killed: list[str] = field(default_factory=list)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def run(self, times: int) -> None:
        """Let workers die ``times`` times, at boundaries that none has died at yet."""
        from tests.faults.sweep.acts import ACTS as ALL

        share, peace = times // len(ACTS) + 1, self._image()
        for name in ACTS:
            nameless = name == "erase_user" and not self.world.kind.knows_users
            self._die_in(ALL["erase_thread" if nameless else name], share)
            self._become(peace)

    def _die_in(self, act: Any, share: int) -> None:
        now, books = self.world.clock.now, deepcopy(self.world.books)
        with self.world.inhabited():
            act.prepare(self.world)
            self.world.learn_states()
            operation = act.ask(self.world)
            image = self._image()
            names = json.loads(_in_a_child(lambda: json.dumps(_trace(self.world, operation))))
            for position, boundary in self._unmet(names, share):
                self._become(image)
                self._die_at(operation, act.name, position, boundary)
        self.world.clock.now, self.world.books = now, books

    def _unmet(self, names: Sequence[str], share: int) -> Iterator[tuple[int, str]]:
        """Yield boundaries of an undisturbed worker at which none has died, from all its way."""
        unmet = {name: at for at, name in enumerate(names) if name not in self.killed}
        acts = [(at, name) for name, at in unmet.items() if name.endswith(STORE_ACTS)][:share]
        rest = sorted((at, name) for name, at in unmet.items() if (at, name) not in acts)
        left = share - len(acts)
        spread = rest[:: max(1, len(rest) // left)][:left] if left else []
        for at, name in [*acts, *spread]:
            self.killed.append(name)
            yield at, name

    def _die_at(self, operation: Any, act: str, position: int, boundary: str) -> None:
        died = _ended(lambda: _play_to_death(self.world, operation, position))
        found = json.loads(_in_a_child(lambda: json.dumps(_finished(self.world))))
        if died != -signal.SIGKILL:
            found.append(f"the worker ended with {died}")
        if found:
            self.wrong[f"{self.world.kind.name}/{act}/{position} {boundary}"] = found

    def _image(self) -> Any:
        from django.db import connections

        connections.close_all()
        files = {path: path.read_bytes() for path in self.index.parent.glob(f"{self.index.name}*")}
        return files, self.world.kind.image()

    def _become(self, image: Any) -> None:
        from django.db import connections

        connections.close_all()
        files, store = image
        for path in self.index.parent.glob(f"{self.index.name}*"):
            path.unlink()
        for path, data in files.items():
            path.write_bytes(data)
        self.world.kind.become(store)


def _trace(world: Any, operation: Any) -> list[str]:
    from tests.faults.sweep.plays import Drama

    drama = Drama(world=world, operation=operation)
    drama.play()
    return [boundary.name for boundary in drama.trace]


def _play_to_death(world: Any, operation: Any, position: int) -> NoReturn:
    from tests.faults.sweep.plays import Drama, Fault

    drama = Drama(world=world, operation=operation, faults=[Fault("die", position)])
    drama.play()
    os._exit(3)


def _finished(world: Any) -> list[str]:
    """Let others settle what the dead worker left, and return what is wrong."""
    from tests.faults.sweep import checks
    from tests.faults.sweep.worlds import LEASE_SECONDS

    before = world.look()
    world.clock.pass_by(LEASE_SECONDS)
    world.reconcile()
    settled = world.settle()
    world.scan()
    return checks.violations(world, settled=settled, before=before)


def _ended(work: Callable[[], object]) -> int:
    """Do something in a process of its own; return how that ended, killed by N as -N."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(4)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _in_a_child(work: Callable[[], str]) -> str:
    """Return what a process of its own says."""
    reading, writing = os.pipe()

    def told() -> None:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            pipe.write(work())
        os._exit(0)

    child = os.fork()
    if child == 0:
        try:
            told()
        finally:
            os._exit(4)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def main(kinds: Sequence[str]) -> int:
    if os.access("/dev/shm", os.W_OK):
        os.environ["TMPDIR"] = "/dev/shm"
    set_up(in_memory=False)
    from django.db import connection

    from tests.faults.sweep.stores import all_kinds
    from tests.faults.sweep.worlds import begin

    boundaries.install()
    index = Path(connection.settings_dict["NAME"])
    wrong = False
    for one in kinds:
        name, _, times = one.partition("=")
        killing = Killing(world=begin(all_kinds()[name], folder()), index=index)
        killing.run(int(times or 1000))
        wrong |= bool(killing.wrong)
        told = {"kind": name, "killed": killing.killed, "wrong": killing.wrong}
        print(json.dumps(told), flush=True)
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="+", metavar="KIND[=TIMES]")
    sys.exit(main(parser.parse_args().kinds))
