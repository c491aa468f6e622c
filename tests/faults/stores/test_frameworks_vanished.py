"""A framework's store that is moved away, or whose worker is killed, while something is done."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

import pytest

from checkpoints import CheckpointError
from tests.faults.stores.framework_acts import ON_DISK, Act, Yard, laid, leftovers
from tests.faults.stores.vanishing import MOMENTS, away, killed, spread

ACTS = ("restore", "fork", "prune", "undo", "erase")
MOST = 3
"""Moments at which a store vanishes, for each kind and operation."""


@pytest.fixture(params=sorted(ON_DISK))
def yard(request: pytest.FixtureRequest, tmp_path: Path) -> Yard:
    return laid(ON_DISK[request.param](), tmp_path / "place", f"sqlite:///{tmp_path}/trash.db")


def attempted(act: Act, place: Path, at: int) -> None:
    """Do something in whose middle the store vanishes: only errors of ours may come out."""
    with away(place, at), suppress(CheckpointError):
        act()


@pytest.mark.parametrize("name", ACTS)
def test_an_operation_on_a_store_that_vanishes_is_done_once_when_it_is_back(
    yard: Yard, name: str, tmp_path: Path
) -> None:
    act, place = yard.planned(name), yard.kind.folder
    image, trash = yard.kind.image(), _trash(tmp_path)
    count = MOMENTS.counted(act)
    done = (yard.seen(), yard.in_trash())
    for at in spread(count, MOST):
        yard.kind.become(image)
        _lay_trash(tmp_path, trash)

        attempted(act, place, at)
        act()

        assert (yard.seen().keys(), yard.in_trash()) == (done[0].keys(), done[1]), at
        assert list(leftovers(place)) == [], at


@pytest.mark.parametrize("name", ACTS)
def test_an_operation_whose_worker_is_killed_is_done_once_by_the_next(
    yard: Yard, name: str, tmp_path: Path
) -> None:
    act, before = yard.planned(name), yard.seen()
    image, trash = yard.kind.image(), _trash(tmp_path)
    count = MOMENTS.counted(act)
    done = (yard.seen(), yard.in_trash())
    for at in spread(count, MOST):
        yard.kind.become(image)
        _lay_trash(tmp_path, trash)

        assert killed(act, at)
        if name != "erase":
            kept = {key[3] for key in yard.seen()} | yard.in_trash()
            assert {key[3] for key in before} <= kept | {""}, at
        act()

        assert (yard.seen().keys(), yard.in_trash()) == (done[0].keys(), done[1]), at
        assert list(leftovers(yard.kind.folder)) == [], at


def test_a_reading_of_a_store_that_vanishes_says_so_and_changes_nothing(yard: Yard) -> None:
    place, before = yard.kind.folder, yard.seen()

    def read() -> None:
        with closing(yard.kind.open()) as store:
            list(store.verify())
            store.changes(None)
            for thread in list(store.threads()):
                for record in store.history(thread.agent_id, thread.thread_id):
                    store.load(record)

    for at in spread(MOMENTS.counted(read), 2 * MOST):
        attempted(read, place, at)

    assert yard.seen() == before


def _trash(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("trash.db*")}


def _lay_trash(folder: Path, files: dict[str, bytes]) -> None:
    for path in folder.glob("trash.db*"):
        path.unlink()
    for name, content in files.items():
        if not name.endswith("-shm"):
            (folder / name).write_bytes(content)
