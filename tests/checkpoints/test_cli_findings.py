"""Findings as `holdfast verify` shows them."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit
from checkpoints.findings import KINDS, grouped
from checkpoints.records import Finding


def verified(folder: Path) -> Result:
    return CliRunner().invoke(app, ["verify", f"kaizen:///{folder}"])


@pytest.fixture
def damaged(samples: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(samples / "kaizen" / "corrupt", tmp_path / "corrupt"))


def test_each_kind_says_what_follows_and_what_can_be_done(damaged: Path) -> None:
    result = verified(damaged)
    assert result.exit_code == Exit.FINDINGS
    text = " ".join(result.stdout.split())
    for name in ("truncated", "zero_length", "second_line", "naive_time", "leftover_file"):
        kind = KINDS[name]
        assert f"{kind.title} ({name}): " in text
        assert kind.consequence in text
        assert kind.remedy in text


def test_the_gravest_kind_comes_first(damaged: Path) -> None:
    lines = verified(damaged).stdout.splitlines()
    assert lines[0].startswith("State cannot be read (undecodable): 2")
    titles = [line for line in lines if line and not line.startswith(" ")]
    assert titles[-1].startswith("Leftover of an interrupted save")


def test_no_line_is_wider_than_a_terminal(damaged: Path) -> None:
    assert max(map(len, verified(damaged).stdout.splitlines())) <= 80


def test_a_few_places_are_shown_and_the_others_counted(damaged: Path) -> None:
    for number in range(1_200):
        (damaged / f"ckpt_{number:012}.jsonl").touch()
    output = verified(damaged).stdout
    assert "(zero_length): 1,201" in output
    assert "… and 1,198 more; --json names all" in output
    assert output.count("the file is empty") == 3


def test_a_name_that_draws_on_the_terminal_is_shown_as_text(damaged: Path) -> None:
    (damaged / "ckpt_[red]x.jsonl").touch()
    assert "ckpt_[red]x" in verified(damaged).stdout


def test_groups_hold_no_more_places_than_asked_for() -> None:
    many = (Finding(kind="truncated", message=str(number)) for number in range(100_000))
    [group] = grouped(many, places=2)
    assert (group.count, [finding.message for finding in group.first]) == (100_000, ["0", "1"])


def test_unknown_kinds_come_behind_known_ones_as_grave() -> None:
    found = [Finding(kind=kind, message="") for kind in ("odd", "poisoned", "leftover_file")]
    assert [group.kind.name for group in grouped(found, places=1)] == [
        "poisoned",
        "odd",
        "leftover_file",
    ]
