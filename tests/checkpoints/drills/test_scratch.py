"""Scratch folders are gone in the end, whatever happens in between."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from checkpoints.drills import scratch_folder, sweep_scratch
from checkpoints.errors import PermanentStoreError

ROOT = Path(__file__).resolve().parents[3]
DIES = """
import os, signal, sys
from pathlib import Path
from checkpoints.drills import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "state").write_text("secret")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_is_its_owners_alone_and_gone_in_the_end(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not list(tmp_path.iterdir())


def test_an_error_within_removes_it_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch_folder(tmp_path) as folder:
        (folder / "state").write_text("x")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.rglob("state"))
    assert sweep_scratch(tmp_path) == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        assert sweep_scratch(tmp_path) == 0
        assert folder.is_dir()


def test_nothing_else_is_swept(tmp_path: Path) -> None:
    (tmp_path / "holdfast-rehearsal-notes").mkdir()
    (tmp_path / "other.lock").touch()
    (tmp_path / "holdfast-rehearsal-0.lock").symlink_to("/etc/passwd")
    assert sweep_scratch(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(("mode", "taken"), [(0o777, False), (0o1777, True), (0o755, True)])
def test_a_folder_in_which_others_may_rename_is_refused(
    tmp_path: Path, mode: int, taken: bool
) -> None:
    tmp_path.chmod(mode)
    if taken:
        with scratch_folder(tmp_path) as folder:
            assert folder.is_dir()
        return
    with (
        pytest.raises(PermanentStoreError, match="nothing was rehearsed"),
        scratch_folder(tmp_path),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_a_link_that_somebody_puts_in_its_place_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "kept").touch()
    monkeypatch.setattr("checkpoints.drills.scratch.token_hex", lambda _: "0")
    (tmp_path / "holdfast-rehearsal-0").symlink_to(tmp_path / "precious")

    with (
        pytest.raises(PermanentStoreError, match="nothing was rehearsed"),
        scratch_folder(tmp_path),
    ):
        pass
    assert (tmp_path / "precious" / "kept").exists()
