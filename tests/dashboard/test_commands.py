"""The commands that the dashboard adds, where its libraries are missing."""

from __future__ import annotations

import subprocess
import sys

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
