"""holdfast notifications: who is told what, by who owns the machine of the dashboard."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from checkpoints.cli.exits import Exit
from dashboard.commands import register
from dashboard.models import NotificationChannel, NotificationMessage, Role, User
from tests.dashboard.people import join

pytestmark = pytest.mark.django_db
app = typer.Typer()
register(app)


@pytest.fixture(autouse=True)
def admin(person: User) -> User:
    return join(person, Role.ADMIN)


def run(*words: str, says: str = "") -> Result:
    return CliRunner().invoke(app, ["notifications", *words, "--as", "ada"], input=says)


def added() -> int:
    done = run(
        "add",
        "on call",
        *("--by", "webhook", "--kind", "drift.opened", "--agents", "crawler-*", "--remind", "4"),
        says="http://127.0.0.1:9/s3cr3t-path\n",
    )
    assert done.exit_code == Exit.OK, done.output
    assert "whsec_" in done.output
    assert "s3cr3t" not in done.output
    return NotificationChannel.objects.get().pk


def test_a_channel_is_added_listed_tested_and_removed() -> None:
    channel = str(added())
    (listed,) = json.loads(run("list", "--json").stdout)
    assert (listed["name"], listed["goes_to"]) == ("on call", "http://127.0.0.1:9/…")
    assert listed["rules"][0]["remind_hours"] == 4
    assert "on call" in run("list").stdout

    assert run("test", channel).exit_code == Exit.OK
    (message,) = json.loads(run("log", "--json", "--channel", channel).stdout)
    assert (message["kind"], message["state"]) == ("test", "waiting")
    assert NotificationMessage.objects.count() == 1

    assert "paused" in run("pause", channel).stdout
    assert run("test", channel).exit_code == Exit.REFUSED
    assert run("resume", channel).exit_code == Exit.OK
    assert run("remove", channel).exit_code == Exit.OK
    assert json.loads(run("list", "--json").stdout) == []


def test_what_is_not_there_exits_with_3() -> None:
    assert run("test", "999999").exit_code == Exit.NOT_FOUND


def test_an_address_inside_is_refused_with_a_sentence() -> None:
    done = run("add", "x", "--by", "webhook", says="http://169.254.169.254/latest\n")

    assert done.exit_code == Exit.REFUSED
    assert "HOLDFAST_NOTIFICATION_HOSTS" in done.output
    assert not NotificationChannel.objects.exists()
