"""holdfast drills objective, holdfast quota: set, shown and taken away on the machine itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from checkpoints.cli.exits import Exit
from dashboard.commands import register
from dashboard.models import RecoveryObjective, StorageQuota
from tests.dashboard.services.drills.yard import DrillYard, make_drill_yard

pytestmark = pytest.mark.django_db
app = typer.Typer()
register(app)


@pytest.fixture
def yard(tmp_path: Path) -> DrillYard:
    return make_drill_yard(tmp_path)


def objective(*words: str) -> Result:
    return CliRunner().invoke(app, ["drills", "objective", *words, "--as", "ada"])


def quota(*words: str) -> Result:
    return CliRunner().invoke(app, ["quota", *words, "--as", "ada"])


def test_an_objective_is_set_inherited_and_taken_away(yard: DrillYard) -> None:
    source, agent = str(yard.source.pk), str(yard.agent("crawler").pk)
    said = objective("set", "30min", "--source", source)
    assert said.exit_code == Exit.OK, said.output
    assert "a clean checkpoint every 30min" in said.stdout
    shown = json.loads(objective("show", "--agent", agent, "--json").stdout)
    assert (shown["minutes"], shown["set_on"]) == (30, "source")
    (listed,) = json.loads(objective("list", "--json").stdout)
    assert (listed["level"], listed["minutes"]) == ("source", 30)
    assert "no objective" in objective("remove", "--source", source).stdout
    assert not RecoveryObjective.objects.exists()


def test_none_takes_an_agent_out_of_its_sources_objective(yard: DrillYard) -> None:
    objective("set", "1d", "--project", yard.source.project.slug)
    said = objective("set", "none", "--agent", str(yard.agent("crawler").pk))
    assert said.stdout.startswith("agent crawler: no objective, set on the agent")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["set", "soon", "--source", "1"], id="no-length"),
        pytest.param(["set", "30min"], id="about-nothing"),
        pytest.param(["set", "30min", "--source", "1", "--agent", "1"], id="about-two"),
    ],
)
def test_what_is_no_objective_is_a_wrong_command_line(yard: DrillYard, words: list[str]) -> None:
    assert objective(*words).exit_code == Exit.USAGE
    assert not RecoveryObjective.objects.exists()


def test_a_quota_is_set_listed_and_taken_away(yard: DrillYard) -> None:
    source = str(yard.source.pk)
    assert "20.0 GB" in quota("set", "20GB", "--source", source).stdout
    (listed,) = json.loads(quota("list", "--json").stdout)
    assert (listed["bytes"], listed["level"]) == (20_000_000_000, "source")
    assert quota("remove", "--source", source).exit_code == Exit.OK
    assert not StorageQuota.objects.exists()


def test_what_cannot_be_a_quota_is_refused(yard: DrillYard) -> None:
    assert quota("set", "much", "--source", str(yard.source.pk)).exit_code == Exit.USAGE
    assert quota("set", "0", "--source", str(yard.source.pk)).exit_code == Exit.REFUSED
    assert quota("set", "1GB", "--source", "999999").exit_code == Exit.NOT_FOUND
    assert not StorageQuota.objects.exists()
