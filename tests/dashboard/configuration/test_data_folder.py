"""What the dashboard keeps about itself is its owner's alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from dashboard.data_folder import prepare_data_dir, warn_if_shared


def test_a_folder_that_is_made_here_is_its_owners_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare_data_dir(tmp_path / "data")
    warn_if_shared(tmp_path / "data")

    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert capsys.readouterr().err == ""


def test_a_folder_that_others_can_look_into_is_warned_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)

    warn_if_shared(tmp_path / "data")

    assert f"chmod 700 {tmp_path}/data" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_nothing_to_warn_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warn_if_shared(tmp_path / "nowhere")

    assert capsys.readouterr().err == ""
