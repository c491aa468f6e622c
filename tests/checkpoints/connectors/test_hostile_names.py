"""Names in a framework's folder that somebody took so that Holdfast should stumble over them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checkpoints import PermanentStoreError
from checkpoints.connectors.documents.folder import Folder
from checkpoints.connectors.documents.publishing import Look, place, temporary_name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store's folder, beside one that nobody may touch."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("kept")
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def write(root: Path) -> None:
    with Folder(root).opened() as directory:
        look = Look(mode=0o600, owner=os.getuid(), group=os.getgid())
        place(directory, "c1.json", b"{}", look)


@pytest.mark.parametrize("holds", [(), ("theirs",)], ids=["empty", "full"])
def test_a_folder_in_the_place_of_a_temporary_file_is_an_error_of_ours(
    root: Path, holds: tuple[str, ...]
) -> None:
    aside = root / temporary_name("c1.json")
    aside.mkdir()
    for name in holds:
        (aside / name).touch()

    with pytest.raises(PermanentStoreError, match="could not be written: Is a directory"):
        write(root)

    assert not (root / "c1.json").exists()
    assert [path.name for path in aside.iterdir()] == list(holds)


@pytest.mark.parametrize("target", ["outside", "outside/precious"])
def test_a_link_in_the_place_of_a_temporary_file_leads_nowhere(root: Path, target: str) -> None:
    (root / temporary_name("c1.json")).symlink_to(root.parent / target)

    write(root)

    assert (root / "c1.json").read_bytes() == b"{}"
    assert [path.name for path in (root.parent / "outside").iterdir()] == ["precious"]
    assert (root.parent / "outside" / "precious").read_text() == "kept"
