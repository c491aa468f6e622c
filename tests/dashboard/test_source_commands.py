"""Sources from the command line of the dashboard's machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from checkpoints.cli.exits import Exit
from dashboard.commands.sources import commands
from dashboard.models import Source, User
from dashboard.models.access import default_project
from tests.benches import save_steps

pytestmark = pytest.mark.django_db
PASSWORD = "hunter2-but-longer"


@pytest.fixture(autouse=True)
def root(db: None) -> User:
    default_project()
    return User.objects.create(username="root", is_superuser=True)


@pytest.fixture
def langgraph(samples: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(samples / "langgraph.sqlite", tmp_path / "agent.sqlite"))


def holdfast(*words: object, given: str = "") -> Result:
    return CliRunner().invoke(commands, [str(word) for word in words], input=given)


def answered(*words: object, given: str = "") -> Any:
    """Return what a command that succeeds prints as JSON."""
    result = holdfast(*words, "--json", given=given)
    assert result.exit_code == Exit.OK, result.output
    return json.loads(result.stdout)


def test_a_path_is_added_recognised_and_read_to_its_end(langgraph: Path) -> None:
    added = holdfast("add", langgraph, "--name", "mine")
    read = answered("sync", "mine", "--wait")

    assert added.exit_code == Exit.OK, added.output
    assert "Added mine" in added.stdout
    assert "LangGraph on SQLite" in added.stdout
    assert (read["checkpoints"], read["health"], read["is_being_read"]) == (437, "healthy", False)


def test_a_test_says_each_step_and_adds_nothing(langgraph: Path) -> None:
    found = holdfast("test", langgraph)

    assert found.exit_code == Exit.OK, found.output
    assert "✓ Recognised" in found.stdout
    assert "✓ Readable" in found.stdout
    assert not Source.objects.exists()


def test_what_is_no_store_is_said_with_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("milk")

    tried, added = holdfast("test", tmp_path), holdfast("add", tmp_path)

    assert (tried.exit_code, added.exit_code) == (Exit.STORE, Exit.REFUSED)
    assert "1 *.txt" in tried.output
    assert "1 *.txt" in added.output


def test_a_password_is_read_from_stdin_or_a_file_and_shown_nowhere(
    start_redis: Any, tmp_path: Path
) -> None:
    server = start_redis()
    save_steps(server.url)
    server.client.config_set("requirepass", PASSWORD)
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"password": PASSWORD}))

    results = [
        holdfast("add", server.url, "--name", "r", "--password-stdin", given=f"{PASSWORD}\n"),
        holdfast("sync", "r", "--wait"),
        holdfast("credentials", "r", "--credentials-file", file),
        holdfast("list"),
        holdfast("list", "--json"),
        holdfast("credentials", "r", "--forget"),
        holdfast("credentials", "r", "--password-stdin", given="wrong-password\n"),
    ]

    codes = [result.exit_code for result in results]
    assert codes == [Exit.OK] * 6 + [Exit.REFUSED], [result.output for result in results]
    assert "holds 5 checkpoints" in results[1].stdout
    assert json.loads(results[4].stdout)[0]["credentials"] == "kept"
    assert "refuses this user and password" in results[6].output
    assert not any(PASSWORD in result.output for result in results)


def test_a_credentials_file_that_is_none_is_not_repeated(langgraph: Path, tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(f'{{"passcode": "{PASSWORD}"}}')

    result = holdfast("add", langgraph, "--credentials-file", file)

    assert result.exit_code == Exit.USAGE
    assert PASSWORD not in result.output
    assert not Source.objects.exists()


def test_a_source_is_removed_by_its_name_or_number_once_it_was_confirmed(langgraph: Path) -> None:
    holdfast("add", langgraph)

    asked = holdfast("remove", "agent.sqlite")
    gone = holdfast("remove", Source.objects.get().pk, "--yes")

    assert (asked.exit_code, gone.exit_code) == (Exit.USAGE, Exit.OK)
    assert not Source.objects.exists()
    assert langgraph.exists()


def test_an_unknown_name_and_one_of_several_are_said(langgraph: Path, tmp_path: Path) -> None:
    other = shutil.copyfile(langgraph, tmp_path / "other.sqlite")
    for file in (langgraph, other):
        assert holdfast("add", file, "--name", "twin").exit_code == Exit.OK

    assert holdfast("sync", "nobody").exit_code == Exit.NOT_FOUND
    assert holdfast("sync", "twin").exit_code == Exit.USAGE
