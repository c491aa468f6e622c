"""holdfast drills: asking for a drill, and listing them, on the machine of the dashboard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from checkpoints.cli.exits import Exit
from dashboard.commands import register
from dashboard.models import Drill, User
from dashboard.services import drills
from tests.dashboard.services.drills.yard import DrillYard, make_drill_yard

pytestmark = pytest.mark.django_db
app = typer.Typer()
register(app)


@pytest.fixture
def yard(tmp_path: Path) -> DrillYard:
    return make_drill_yard(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["drills", *words, "--as", "ada"])


def test_a_drill_is_asked_for_and_carried_out_by_the_worker(yard: DrillYard) -> None:
    asked = run("run", "--source", str(yard.source.pk), "--json")
    assert asked.exit_code == Exit.OK, asked.output
    (drill,) = json.loads(asked.stdout)
    drills.carry_out(drill_pk=drill["id"], now=yard.clock)
    (listed,) = json.loads(run("list", "--json").stdout)
    assert (listed["id"], listed["outcome"], listed["proven"]) == (drill["id"], "proven", 4)


def test_a_second_one_is_refused_with_a_sentence(yard: DrillYard) -> None:
    run("run", "--source", str(yard.source.pk))
    again = run("run", "--agent", str(yard.agent("crawler").pk))
    assert again.exit_code == Exit.REFUSED
    assert "not ended" in again.output
    assert Drill.objects.count() == 1


def test_neither_a_source_nor_an_agent_is_a_wrong_command_line(yard: DrillYard) -> None:
    assert run("run").exit_code == Exit.USAGE


def test_what_is_not_there_exits_with_3(yard: DrillYard) -> None:
    assert run("run", "--source", "999999").exit_code == Exit.NOT_FOUND
    assert User.objects.filter(username="ada").exists()
