"""What the README tells people to type, typed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import checkpoints
from tests.docs.markdown import ROOT, blocks

README = ROOT / "README.md"
HOLDFAST = [sys.executable, "-c", "from checkpoints.cli import main; main()"]


def _commands() -> list[str]:
    lines = "".join(blocks(README, "sh")).splitlines()
    return [line for line in lines if line.startswith(".venv/bin/holdfast")]


def test_the_agent_resumes_where_it_left_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    [agent] = blocks(README, "python")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
    environment["PYTHONPATH"] = str(ROOT)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", agent], check=True, env=environment)
    with checkpoints.CheckpointManager("my-agent") as manager:
        assert manager.resume() == {"topics": ["tides", "tides"]}


def test_the_agent_is_five_lines() -> None:
    [agent] = blocks(README, "python")
    assert len([line for line in agent.splitlines() if line.strip()]) == 5


@pytest.mark.parametrize("command", _commands())
def test_commands_on_the_example_succeed(command: str) -> None:
    words = [*HOLDFAST, *shlex.split(command)[1:]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_make_target_exists() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in (README, ROOT / "CONTRIBUTING.md"):
        assert set(re.findall(r"\bmake ([a-z-]+)", "".join(blocks(page, "sh")))) <= known
