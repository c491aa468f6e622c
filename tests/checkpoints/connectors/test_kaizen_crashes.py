"""Operations in a Kaizen folder, killed before and after every step that they take on the disk.

Each is killed at a moment, killed again there when it is done again, and then finished. At every
moment each checkpoint is in the folder or in the trash, and Kaizen resumes what it did.
"""

from __future__ import annotations

import gzip
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kaizen.core.autonomy.state import AgentState

import checkpoints
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.plans import Doomed, ThreadErasure, ThreadPrune
from checkpoints.records import RestoreTarget
from checkpoints.stores.urls import open_store
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors.kaizen_folders import files, resumed, saved

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
IDS = tuple(f"ckpt_{n}" for n in range(4))
GOING = IDS[:2]
STEPS = ("rename", "link", "unlink", "fsync", "mkdir")
MOST_MOMENTS = 200


@dataclass(frozen=True)
class Place:
    """A folder with four states of one agent, one of them twice, and a trash beside it."""

    folder: Path
    trash_url: str
    before: dict[str, bytes]

    @property
    def store(self) -> KaizenStore:
        return KaizenStore(self.folder)

    def with_trash(self, act: Callable[[StoreTrash], Any]) -> Any:
        opened = open_store(self.trash_url)
        assert isinstance(opened, checkpoints.Store)
        with closing(opened):
            return act(StoreTrash(opened))

    def lying(self) -> dict[str, Any]:
        lying: dict[str, Any] = self.with_trash(
            lambda trash: self.store.trashed("autonomous", "main", operation_id="op", trash=trash)
        )
        return lying

    def remove(self) -> None:
        prune = ThreadPrune(
            agent_id="autonomous",
            thread_id="main",
            expected_head=IDS[-1],
            keep=(),
            remove=tuple(
                Doomed(checkpoint_id=name, reason="old", sha256=digest)
                for name, digest in DIGESTS.items()
            ),
        )
        done = self.with_trash(
            lambda trash: self.store.remove(prune, operation_id="op", now=LATER, trash=trash)
        )
        assert set(done.removed) == set(GOING)

    def put_back(self) -> None:
        left = self.with_trash(
            lambda trash: self.store.put_back(
                "autonomous", "main", GOING, operation_id="op", trash=trash
            )
        )
        assert left == {}

    def erase(self) -> None:
        erasure = ThreadErasure(
            agent_id="autonomous",
            thread_id="main",
            targets=tuple(
                RestoreTarget(checkpoint_id=name, namespace="", sha256=digest)
                for name, digest in DIGESTS.items()
            ),
        )
        done = self.with_trash(
            lambda trash: self.store.erase_thread(
                erasure, operation_id="op-2", now=LATER, trash=trash
            )
        )
        assert done.remaining == {}

    def fork(self) -> None:
        found = self.store
        if found.head("what-if", "main") is not None:
            return
        plan = found.plan_fork(found.get(IDS[1]), thread_id="what-if")
        found.fork(plan, written_ids=("ckpt_fork",), operation_id="op", reason="r", now=LATER)

    def restore(self) -> None:
        found = self.store
        if found.head("autonomous", "main").checkpoint_id == "ckpt_restored":  # type: ignore[union-attr]
            return
        plan = found.plan_restore(found.get(IDS[1]))
        found.restore(
            plan, written_ids=("ckpt_restored",), operation_id="op", reason="r", now=LATER
        )


DIGESTS: dict[str, str | None] = {}


@pytest.fixture
def make_place(tmp_path: Path) -> Iterator[Callable[[], Place]]:
    template = tmp_path / "template"
    for number, name in enumerate(IDS):
        state = AgentState(
            checkpoint_id=name,
            agent_id="autonomous_agent",
            timestamp=NOON + timedelta(minutes=number),
            step_number=number,
        )
        saved(template, state)
    plain = template / f"{IDS[0]}.jsonl"
    (template / f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    DIGESTS.update({name: KaizenStore(template).get(name).sha256 for name in GOING})
    made = iter(range(10_000))

    def make() -> Place:
        root = tmp_path / str(next(made))
        folder = root / "autonomous"
        shutil.copytree(template, folder)
        return Place(folder, f"sqlite:///{root / 'trash.db'}", files(folder))

    yield make
    DIGESTS.clear()


Act = Callable[[Place], None]


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

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            for before in (True, False):
                if passed[0] == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
                passed[0] += 1
                if before:
                    result = call(*args, **kwargs)
            return result

        return run

    for name in STEPS:
        setattr(os, name, dying(getattr(os, name)))
    for name in ("keep", "drop"):
        setattr(StoreTrash, name, dying(getattr(StoreTrash, name)))


def swept(
    make_place: Callable[[], Place], act: Act, check: Act, *, first: Act | None = None
) -> int:
    """Kill an act at each of its moments, twice, and finish it; return how many there were."""
    for moment in range(MOST_MOMENTS):
        place = make_place()
        if first:
            first(place)
        if not killed(act, place, moment):
            return moment
        check(place)
        killed(act, place, moment)
        check(place)
        act(place)
        check(place)
    raise AssertionError("it does not come to its end")


def nothing_is_lost(place: Place) -> None:
    listed = {record.id for record in place.store.history("autonomous", "main")}
    assert listed | place.lying().keys() == set(IDS)
    assert resumed(place.folder, "autonomous_agent").checkpoint_id == IDS[-1]


def test_a_removal_loses_nothing_at_any_moment(make_place: Callable[[], Place]) -> None:
    places: list[Place] = []

    def remembered() -> Place:
        places.append(make_place())
        return places[-1]

    assert swept(remembered, Place.remove, nothing_is_lost) > 20
    for place in places[:-1]:
        place.put_back()
        assert files(place.folder) == place.before


def test_a_removal_can_be_undone_from_any_moment(make_place: Callable[[], Place]) -> None:
    for moment in range(MOST_MOMENTS):
        place = make_place()
        if not killed(Place.remove, place, moment):
            return
        if place.lying():
            place.put_back()
        assert files(place.folder) == place.before


def test_an_undo_loses_nothing_at_any_moment(make_place: Callable[[], Place]) -> None:
    def check(place: Place) -> None:
        nothing_is_lost(place)
        kept = files(place.folder)
        assert {name: kept.get(name, content) for name, content in place.before.items()} == (
            place.before
        )

    assert swept(make_place, Place.put_back, check, first=Place.remove) > 20


def test_an_erasure_takes_only_what_it_names_at_any_moment(
    make_place: Callable[[], Place],
) -> None:
    def check(place: Place) -> None:
        left = {record.id for record in place.store.history("autonomous", "main")}
        assert set(IDS) - set(GOING) <= left
        assert resumed(place.folder, "autonomous_agent").checkpoint_id == IDS[-1]

    assert swept(make_place, Place.erase, check) > 5
    assert swept(make_place, Place.erase, check, first=Place.remove) > 2


def test_a_fork_is_there_or_not_at_any_moment(make_place: Callable[[], Place]) -> None:
    def check(place: Place) -> None:
        kept = files(place.folder)
        assert {name: kept.get(name) for name in place.before} == place.before
        forks = place.store.head("what-if", "main")
        assert forks is None or forks.checkpoint_id == "ckpt_fork"

    assert swept(make_place, Place.fork, check) > 8


def test_a_restore_is_there_or_not_at_any_moment(make_place: Callable[[], Place]) -> None:
    def check(place: Place) -> None:
        kept = files(place.folder)
        assert {name: kept.get(name) for name in place.before} == place.before
        head = resumed(place.folder, "autonomous_agent").checkpoint_id
        assert head in (IDS[-1], "ckpt_restored")

    assert swept(make_place, Place.restore, check) > 6
