"""The commands that the dashboard adds, where something they need is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.supervisor.instance import last_port, remember_port

WITHOUT_DJANGO = """
import sys
sys.modules["django"] = None
from importlib.metadata import EntryPoint
from checkpoints.cli import app as cli
entry = EntryPoint("dashboard", "dashboard.commands:register", "holdfast.commands")
cli.entry_points = lambda group: [entry]
sys.argv = ["holdfast", "up"]
cli.main()
"""


def test_the_sdk_alone_says_what_up_needs() -> None:
    command = [sys.executable, "-c", WITHOUT_DJANGO]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 5
    assert "pip install 'holdfast[dashboard]'" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("command", [("token", "create", "mine"), ("login-link",)])
def test_a_folder_without_an_index_is_named(command: tuple[str, ...], tmp_path: Path) -> None:
    environment = {**os.environ, "HOLDFAST_DATA_DIR": str(tmp_path / "nowhere")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    words = [sys.executable, "-m", "checkpoints.cli", *command]
    run = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 5
    assert "there is no Holdfast in" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_port_of_the_last_start_is_known(tmp_path: Path) -> None:
    assert last_port(tmp_path) == 8000
    remember_port(tmp_path, 8123)
    assert last_port(tmp_path) == 8123
