"""One byte altered, one length cut: what was saved loads as it was, or its loss is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.stores.damage import (
    Whole,
    flips,
    lay_out,
    saves_on,
    small_store,
    still_as_saved,
    truncations,
    wrongs,
)

MOST = {"sqlite": 2500, "file": 400}
"""Cases per file; all of them where the file has no more bytes."""

Damages = Callable[[bytes, int], Iterator[tuple[int, bytes]]]

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged file may lead SQLite in circles; it is given up sooner here than by an agent."""
    monkeypatch.setattr("checkpoints.stores.sqlite.file.WORK_SECONDS", 0.5, raising=False)


@pytest.fixture
def whole(kind: str, tmp_path: Path) -> Whole:
    return small_store(tmp_path / "whole", kind)


def damaged(whole: Whole, folder: Path, damages: Damages) -> Iterator[str]:
    """Damage one file after the other in every way; yield a name for each case."""
    for name, data in whole.files.items():
        lay_out(whole, folder)
        for place, altered in damages(data, MOST[whole.kind]):
            (folder / name).write_bytes(altered)
            yield f"{name} at {place}"


def remade(whole: Whole, folder: Path, case: str) -> None:
    """Put all other files back as they were, so that no case hides behind the one before."""
    damaged_name = Path(case.rpartition(" at ")[0])
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and name not in whole.files:
            path.unlink()
        elif path.is_file() and name != damaged_name:
            path.write_bytes(whole.files[name])


@pytest.mark.parametrize("damages", [flips, truncations])
def test_damage_is_never_read_as_something_else(
    whole: Whole, tmp_path: Path, damages: Damages
) -> None:
    broken = []
    cases = 0
    for case in damaged(whole, tmp_path / "damaged", damages):
        remade(whole, tmp_path / "damaged", case)
        broken += [f"{case}: {text}" for text in wrongs(whole, tmp_path / "damaged")]
        cases += 1
    assert broken == []
    assert cases > 1000


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("damages", [flips, truncations])
def test_damage_before_the_log_was_taken_in_is_never_read_as_something_else(
    kind: str, tmp_path: Path, damages: Damages
) -> None:
    """A log's end that does not hold cannot be told from one that was never written."""
    whole = small_store(tmp_path / "whole", kind, closed=False)
    assert any(name.name.endswith("-wal") for name in whole.files)
    folder = tmp_path / "damaged"
    broken = []
    for case in damaged(whole, folder, lambda data, _most: damages(data, 400)):
        remade(whole, folder, case)
        broken += [f"{case}: {text}" for text in wrongs(whole, folder, named=False)]
    assert broken == []


def test_a_save_into_a_damaged_store_makes_nothing_worse(whole: Whole, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    broken = []
    for case in damaged(whole, folder, lambda data, _most: flips(data, 60)):
        remade(whole, folder, case)
        saves_on(whole, folder)
        broken += [f"{case}: {text}" for text in still_as_saved(whole, folder)]
        lay_out(whole, folder)
    assert broken == []
