"""``holdfast audit``: what it prints, and what its exit code tells a program."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from dashboard.commands import register
from dashboard.models import ApiToken, Project
from dashboard.services import audit
from tests.dashboard.services.audit.events import append, edit
from tests.flushing import unprotected

pytestmark = pytest.mark.django_db


def run(*words: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, words)


def test_a_log_that_holds_exits_with_0_and_prints_its_last_hash(now: datetime) -> None:
    append(now)
    result = run("audit", "verify")
    assert result.exit_code == 0
    assert audit.verify(now=now).hash in result.stdout


def test_an_edited_log_exits_with_1_and_names_the_event(now: datetime) -> None:
    append(now)
    with unprotected():
        edit()
    result = run("audit", "verify", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert not found["holds"]
    assert found["findings"] == [
        {"kind": "edited", "sequence": 3, "message": "event 3 was changed"}
    ]


def test_a_hash_that_is_not_in_the_log_exits_with_1(now: datetime) -> None:
    append(now)
    assert run("audit", "verify", "--expect", audit.verify(now=now).hash).exit_code == 0
    assert run("audit", "verify", "--expect", "f" * 64).exit_code == 1


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_it_exports_is_checked_by_itself(now: datetime, tmp_path: Path, form: str) -> None:
    append(now)
    file = tmp_path / "audit"
    exported = run("audit", "export", "--format", form)
    file.write_bytes(exported.stdout_bytes)
    assert run("audit", "verify", "--file", str(file)).exit_code == 0
    file.write_bytes(exported.stdout_bytes.replace(b"system", b"nobody", 1))
    assert run("audit", "verify", "--file", str(file)).exit_code == 1
    file.write_bytes(b"nothing of the kind")
    assert run("audit", "verify", "--file", str(file)).exit_code == 4


def test_the_owner_of_the_machine_makes_tokens_of_any_project(now: datetime) -> None:
    project = Project.objects.create(name="Second", slug="second", created_at=now)
    words = ("--project", "second", "--scope", "operate", "--scope", "read", "--days", "7")
    assert run("token", "create", "night shift", *words).stdout.startswith("hf_")
    token = ApiToken.objects.get()
    assert (token.project, token.scopes) == (project, ["operate", "read"])
    assert token.expires_at is not None
    assert (token.expires_at - token.created_at).days == 7


@pytest.mark.parametrize("words", [("--project", "no"), ("--scope", "no"), ("--days", "9999")])
def test_a_token_that_cannot_be_made_says_why(db: None, words: tuple[str, str]) -> None:
    result = run("token", "create", *words)
    assert result.exit_code == 4
    assert result.stderr.startswith("holdfast: ")
    assert not ApiToken.objects.exists()
