"""Prunes, undos, erasures and forks in a folder of DreamOS, killed before and after each step.

Each is killed at a moment and then done again. At every moment each checkpoint is in the folder or
in the trash, and the agent restores what it did.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.documents import digest
from checkpoints.connectors.dreamos import DreamosStore
from checkpoints.plans import Doomed, ThreadErasure, ThreadPrune
from checkpoints.records import RestoreTarget
from checkpoints.stores.urls import open_store
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors.dreamos_rules import Agent, state_of
from tests.checkpoints.connectors.folders import files

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
STEPS = ("rename", "link", "unlink", "fsync")
MOST_MOMENTS = 200
AGENT = "agent-1"


@dataclass(frozen=True)
class Place:
    """A project with four checkpoints of one agent, and a trash beside it."""

    agent: Agent
    ids: tuple[str, ...]
    before: dict[str, bytes]

    @property
    def store(self) -> DreamosStore:
        return DreamosStore(self.agent.project, clock=lambda: LATER)

    @property
    def going(self) -> tuple[str, ...]:
        return self.ids[:2]

    def with_trash(self, act: Callable[[StoreTrash], Any]) -> Any:
        opened = open_store(f"sqlite:///{self.agent.project.parent / 'trash.db'}")
        assert isinstance(opened, checkpoints.Store)
        with closing(opened):
            return act(StoreTrash(opened))

    def lying(self) -> dict[str, Any]:
        lying: dict[str, Any] = self.with_trash(
            lambda trash: self.store.trashed(AGENT, "main", operation_id="op", trash=trash)
        )
        return lying

    def digests(self) -> dict[str, str]:
        return {name: digest(self.before[f"{name}.checkpoint"]) for name in self.going}

    def remove(self) -> None:
        doomed = (
            Doomed(checkpoint_id=name, reason="old", sha256=held)
            for name, held in self.digests().items()
        )
        prune = ThreadPrune(
            agent_id=AGENT, thread_id="main", expected_head=None, keep=(), remove=tuple(doomed)
        )
        done = self.with_trash(
            lambda trash: self.store.remove(prune, operation_id="op", now=LATER, trash=trash)
        )
        assert set(done.removed) == set(self.going)

    def put_back(self) -> None:
        left = self.with_trash(
            lambda trash: self.store.put_back(
                AGENT, "main", self.going, operation_id="op", trash=trash
            )
        )
        assert left == {}

    def erase(self) -> None:
        targets = tuple(
            RestoreTarget(checkpoint_id=name, namespace="", sha256=held)
            for name, held in self.digests().items()
        )
        erasure = ThreadErasure(agent_id=AGENT, thread_id="main", targets=targets)
        done = self.with_trash(
            lambda trash: self.store.erase_thread(
                erasure, operation_id="op-2", now=LATER, trash=trash
            )
        )
        assert done.remaining == {}

    def fork(self) -> None:
        if self.store.head("what-if", "main") is None:
            plan = self.store.plan_fork(self.store.get(self.ids[1]), thread_id="what-if")
            ids = ("what-if_20260101125959_routine",)
            self.store.fork(plan, written_ids=ids, operation_id="op", reason="r", now=LATER)


Act = Callable[[Place], None]


@pytest.fixture
def make_place(tmp_path: Path) -> Callable[[], Place]:
    template = Agent(tmp_path / "template", AGENT)
    ids = tuple(
        template.save(state_of(number), NOON + timedelta(minutes=number)) for number in range(4)
    )
    made = iter(range(10_000))

    def make() -> Place:
        agent = Agent(tmp_path / str(next(made)) / "project", AGENT)
        shutil.copytree(template.project, agent.project)
        return Place(agent, ids, files(agent.folder))

    return make


def killed(act: Act, place: Place, moment: int) -> bool:
    """Do something in a process that is killed at a moment; False when it came to its end."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            die_at(moment)
            act(place)
            status = 0
        finally:
            os._exit(status)
    ended = os.waitpid(child, 0)[1]
    assert ended in (0, signal.SIGKILL), f"it failed, killed at moment {moment}"
    return ended == signal.SIGKILL


def die_at(moment: int) -> None:
    """Have this process killed before (even moments) or after (odd ones) one of its steps."""
    passed = [0]

    def count() -> None:
        if passed[0] == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        passed[0] += 1

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            count()
            result = call(*args, **kwargs)
            count()
            return result

        return run

    for name in STEPS:
        setattr(os, name, dying(getattr(os, name)))
    for name in ("keep", "drop"):
        setattr(StoreTrash, name, dying(getattr(StoreTrash, name)))


def swept(
    make_place: Callable[[], Place], act: Act, check: Act, *, first: Act | None = None
) -> int:
    """Kill an act at each of its moments and do it again; return how many there were."""
    for moment in range(MOST_MOMENTS):
        place = make_place()
        if first:
            first(place)
        if not killed(act, place, moment):
            return moment
        check(place)
        act(place)
        check(place)
    raise AssertionError("it does not come to its end")


def nothing_is_lost(place: Place) -> None:
    listed = {record.id for record in place.store.history(AGENT, "main")}
    assert listed | place.lying().keys() == set(place.ids)
    assert place.agent.restore()
    assert place.agent.runtime()["task"]["progress_percentage"] == 3


def test_a_removal_loses_nothing_at_any_moment(make_place: Callable[[], Place]) -> None:
    assert swept(make_place, Place.remove, nothing_is_lost) > 10


def test_an_undo_loses_nothing_at_any_moment(make_place: Callable[[], Place]) -> None:
    def check(place: Place) -> None:
        nothing_is_lost(place)
        kept = files(place.agent.folder)
        assert {name: kept.get(name, held) for name, held in place.before.items()} == place.before

    assert swept(make_place, Place.put_back, check, first=Place.remove) > 10


def test_an_erasure_takes_only_what_it_names_at_any_moment(
    make_place: Callable[[], Place],
) -> None:
    def check(place: Place) -> None:
        left = {record.id for record in place.store.history(AGENT, "main")}
        assert set(place.ids[2:]) <= left
        assert place.agent.restore()

    assert swept(make_place, Place.erase, check) > 4
    assert swept(make_place, Place.erase, check, first=Place.remove) > 2


def test_a_fork_is_there_or_not_at_any_moment(make_place: Callable[[], Place]) -> None:
    def check(place: Place) -> None:
        kept = files(place.agent.folder)
        assert {name: kept.get(name) for name in place.before} == place.before
        other = Agent(place.agent.project, "what-if")
        assert other.latest() is None or other.restore()

    assert swept(make_place, Place.fork, check) > 6
