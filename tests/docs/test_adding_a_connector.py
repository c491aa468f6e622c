"""The example connector does what the guide says, installed as a stranger's package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, blocks

EXAMPLE = ROOT / "examples/connector"
GUIDE = ROOT / "docs/guides/adding-a-connector.md"


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which the example is installed, as pip records it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site" / "holdfast_logbook-1.0.dist-info"
    info.mkdir(parents=True)
    named = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(named)
    entries = project["entry-points"]["holdfast.connectors"]
    lines = [f"{name} = {value}" for name, value in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[holdfast.connectors]", *lines]))
    path = os.pathsep.join(map(str, (info.parent, EXAMPLE, ROOT)))
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def test_the_example_keeps_every_promise_of_the_suite(
    installed: dict[str, str], tmp_path: Path
) -> None:
    options = [
        "-q",
        "-c",
        os.devnull,
        "-p",
        "no:cacheprovider",
        "-p",
        "no:django",
        "-p",
        "no:xdist",
    ]
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(EXAMPLE), str(EXAMPLE)]
    done = subprocess.run(
        command, env=installed, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "skipped" not in done.stdout


def test_a_store_of_the_examples_opens_on_the_command_line(
    installed: dict[str, str], tmp_path: Path
) -> None:
    script = "import logbook, pathlib; logbook.save(pathlib.Path('.'), 'watch', 'north', {'n': 1})"
    subprocess.run([sys.executable, "-c", script], env=installed, cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "checkpoints.cli", "list", f"logbook:///{tmp_path}"]
    done = subprocess.run(
        command, env=installed, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "watch" in done.stdout
    assert "north" in done.stdout


@pytest.mark.parametrize("language", ["py", "toml"])
def test_what_the_guide_quotes_stands_in_the_example(language: str) -> None:
    files = [*EXAMPLE.rglob("*.py"), EXAMPLE / "pyproject.toml"]
    code = "\n".join(path.read_text() for path in files)
    quoted = blocks(GUIDE, language)
    assert quoted
    missing = [block for block in quoted if _plain(block) not in _plain(code)]
    assert missing == []


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
