"""A disk without a free byte under the stores of other frameworks, and under the trash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checkpoints import CheckpointError
from tests.faults.stores.disks import Disks
from tests.faults.stores.framework_acts import ON_DISK, Act, Yard, laid, leftovers

KILOBYTES = 900
ACTS = ("restore", "fork", "prune", "undo", "erase")


@pytest.fixture(params=sorted(ON_DISK))
def yard(request: pytest.FixtureRequest, disks: Disks, tmp_path: Path) -> Yard:
    """A store on a small disk, whose trash lies on another."""
    kind = ON_DISK[request.param]()
    return laid(kind, disks.tmpfs(KILOBYTES) / "place", f"sqlite:///{tmp_path}/trash.db")


def fill(disk: Path) -> Path:
    """Leave no byte free."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return ballast


def refused(act: Act) -> CheckpointError | None:
    """Return what stood in the way: only errors of ours may come out."""
    try:
        act()
    except CheckpointError as error:
        return error
    return None


@pytest.mark.parametrize("name", ACTS)
def test_on_a_full_disk_an_operation_is_done_or_nothing_is_and_later_it_is_done(
    yard: Yard, name: str
) -> None:
    act = yard.planned(name)
    before = yard.seen()
    ballast = fill(yard.kind.folder.parent)

    error = refused(act)

    if error is not None:
        assert "full" in str(error) or "No space left" in str(error), str(error)
        assert yard.seen() == before
    elif name in {"restore", "fork"}:
        pytest.fail("there was room for a copy on a full disk")
    ballast.unlink()
    act()
    act()
    require_done(yard, name, before)
    assert list(leftovers(yard.kind.folder)) == []


@pytest.mark.parametrize("kind", sorted(ON_DISK))
def test_what_the_trash_has_no_room_for_stays_in_the_store(
    kind: str, disks: Disks, tmp_path: Path
) -> None:
    disk = disks.tmpfs(KILOBYTES)
    yard = laid(ON_DISK[kind](), tmp_path / "place", f"sqlite:///{disk}/trash.db")
    act, before = yard.planned("prune"), yard.seen()
    ballast = fill(disk)

    error = refused(act)

    assert error is not None
    assert "full" in str(error)
    assert yard.seen() == before
    ballast.unlink()
    act()
    require_done(yard, "prune", before)


def require_done(yard: Yard, name: str, before: dict[tuple[str, str, str, str], str]) -> None:
    """See that an operation took effect once, and that nothing else changed."""
    checks: dict[str, Callable[[], bool]] = {
        "restore": lambda: yard.effects() == 1 and before.items() <= yard.seen().items(),
        "fork": lambda: yard.effects() == 1 and before.items() <= yard.seen().items(),
        "prune": lambda: _pruned(yard, before),
        "undo": lambda: yard.in_trash() == set() and before.items() <= yard.seen().items(),
        "erase": lambda: not any(key[:2] == yard.main for key in yard.seen()),
    }
    assert checks[name]()


def _pruned(yard: Yard, before: dict[tuple[str, str, str, str], str]) -> bool:
    gone = before.keys() - yard.seen().keys()
    return bool(gone) and {key[3] for key in gone if not key[2]} <= yard.in_trash()
