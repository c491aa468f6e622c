"""Operations from the command line of the dashboard's machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from checkpoints.cli.exits import Exit
from dashboard.commands.operations import commands
from dashboard.models import AuditEvent, Operation, OperationState, Project, User
from tests.benches import Bench, Clock, register, save_steps
from tests.dashboard.people import join

REASON = ("--reason", "it went astray")


@pytest.fixture
def bench(db: None, tmp_path: Path) -> Bench:
    User.objects.create(username="root", is_superuser=True)
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    return register(url, thread_id="main", clock=Clock())


def holdfast(*words: object, given: str = "") -> Result:
    return CliRunner().invoke(commands, [str(word) for word in words], input=given)


def answered(*words: object, given: str = "") -> Any:
    """Return what a command that succeeds prints as JSON."""
    result = holdfast(*words, "--json", given=given)
    assert result.exit_code == Exit.OK, result.output
    return json.loads(result.stdout)


def restore(bench: Bench, **values: object) -> str:
    return json.dumps({"kind": "restore", "checkpoint": bench.rows()[1].pk, **values})


def draft(bench: Bench, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = answered("order", "-", "--dry-run", *words, given=restore(bench))
    return found


def run(bench: Bench, operation: dict[str, Any]) -> Operation:
    return bench.run(Operation.objects.get(pk=operation["id"]))


def test_a_draft_is_made_looked_at_and_confirmed(bench: Bench) -> None:
    made = draft(bench)
    shown = holdfast("show", made["id"])
    confirmed = answered("confirm", made["id"], *REASON, "--plan-hash", made["plan_hash"])

    assert made["state"] == "draft"
    assert made["plan_hash"] in shown.stdout
    assert confirmed["state"] == "queued"
    assert run(bench, confirmed).state == OperationState.SUCCEEDED


def test_an_order_is_asked_for_at_once_by_the_first_administrator(bench: Bench) -> None:
    order = restore(bench, reason="it went astray")

    made = answered("order", "-", given=order)

    assert (made["state"], made["requested_by"]) == ("queued", "root")
    event = AuditEvent.objects.get(action="operation.requested")
    assert event.actor == "root"


def test_the_same_key_and_order_is_the_same_operation(bench: Bench) -> None:
    order = restore(bench, reason="it went astray")

    first, again = (answered("order", "-", "--key", "once", given=order) for _ in range(2))
    other = holdfast("order", "-", "--key", "once", given=restore(bench, reason="another"))

    assert first["id"] == again["id"]
    assert other.exit_code == Exit.REFUSED
    assert "idempotency key" in other.stderr


def test_what_is_not_confirmed_by_a_person_is_not_confirmed(bench: Bench) -> None:
    made = draft(bench)

    result = holdfast("confirm", made["id"], *REASON)

    assert result.exit_code == Exit.USAGE
    assert "nothing was changed" in result.stderr
    assert Operation.objects.get().state == OperationState.DRAFT


def test_yes_confirms_what_the_draft_holds(bench: Bench) -> None:
    made = draft(bench)

    assert answered("confirm", made["id"], *REASON, "--yes")["state"] == "queued"


def test_another_plan_is_not_confirmed(bench: Bench) -> None:
    made = draft(bench)

    result = holdfast("confirm", made["id"], *REASON, "--plan-hash", "0" * 64)

    assert result.exit_code == Exit.REFUSED
    assert "not that of this preview" in result.stderr


def test_operations_are_listed(bench: Bench) -> None:
    made = draft(bench)
    answered("order", "-", given=restore(bench, reason="it went astray"))

    assert len(answered("list")) == 2
    assert [one["id"] for one in answered("list", "--state", "draft")] == [made["id"]]
    assert made["id"] in holdfast("list").stdout


def test_a_plan_is_printed_entry_by_entry(bench: Bench) -> None:
    made = draft(bench)

    entries = answered("show", made["id"], "--plan")

    assert entries[0]["action"] == "restore"
    assert entries[0]["checkpoint_id"] == bench.rows()[1].checkpoint_id
    assert entries[0]["checkpoint_id"] in holdfast("show", made["id"], "--plan").stdout


def test_a_restore_is_undone_by_the_plan_that_was_tried(bench: Bench) -> None:
    done = answered("order", "-", given=restore(bench, reason="it went astray"))
    run(bench, done)

    tried = answered("undo", done["id"], "--dry-run")
    undone = answered("undo", done["id"], *REASON, "--plan-hash", tried["plan_hash"])

    assert tried["id"] is None
    assert undone["undo_of"] == done["id"]
    bench.clock.pass_by(1)
    assert run(bench, undone).state == OperationState.SUCCEEDED


def test_an_undo_says_why(bench: Bench) -> None:
    done = answered("order", "-", given=restore(bench, reason="it went astray"))
    run(bench, done)

    result = holdfast("undo", done["id"], "--yes")

    assert result.exit_code == Exit.REFUSED
    assert "Say why" in result.stderr
    assert Operation.objects.count() == 1


def test_a_second_person_approves(bench: Bench) -> None:
    Project.objects.update(requires_approval=True)
    join(User.objects.create(username="second"))
    waiting = answered("order", "-", given=restore(bench, reason="it went astray"))

    alone = holdfast("approve", waiting["id"], "--yes")
    approved = answered("approve", waiting["id"], "--yes", "--as", "second")

    assert alone.exit_code == Exit.REFUSED
    assert "a second person" in alone.stderr
    assert (approved["state"], approved["approved_by"]) == ("queued", "second")


def test_what_waits_is_cancelled_what_failed_goes_on_and_is_seen(bench: Bench) -> None:
    made = answered("order", "-", given=restore(bench, reason="it went astray"))
    assert answered("cancel", made["id"])["state"] == "cancelled"
    assert holdfast("cancel", made["id"]).exit_code == Exit.REFUSED
    assert answered("acknowledge", made["id"])["seen_at"] is not None
    Operation.objects.update(state=OperationState.FAILED)
    assert answered("retry", made["id"])["state"] == "queued"


@pytest.mark.parametrize("command", ["show", "confirm", "approve", "cancel", "undo", "retry"])
def test_an_operation_that_is_not_there_is_named(bench: Bench, command: str) -> None:
    more = {"confirm": [*REASON, "--yes"], "undo": [*REASON, "--yes"], "approve": ["--yes"]}

    result = holdfast(command, uuid4(), *more.get(command, []))

    assert result.exit_code == Exit.NOT_FOUND
    assert "no such operation" in result.stderr


def test_a_person_sees_what_their_role_shows(bench: Bench) -> None:
    made = draft(bench)
    User.objects.create(username="stranger")

    assert holdfast("show", made["id"], "--as", "stranger").exit_code == Exit.NOT_FOUND
    assert holdfast("list", "--as", "nobody").exit_code == Exit.NOT_FOUND


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("{", "not valid JSON"),
        ('{"kind": "restore", "kind": "fork"}', "stands twice"),
        ('{"kind": "restore", "checkpoint": 1, "force": true}', "force"),
        ('{"kind": "restore", "checkpoint": "1"}', "checkpoint: "),
        ('{"kind": "prune"}', "source: give one of"),
    ],
)
def test_an_order_that_is_none_says_what_is_wrong(bench: Bench, order: str, words: str) -> None:
    result = holdfast("order", "-", "--dry-run", given=order)

    assert result.exit_code == Exit.USAGE
    assert words in result.stderr
    assert "Nothing was changed" in result.stderr


def test_what_agents_wrote_cannot_steer_the_terminal(bench: Bench) -> None:
    Operation.objects.filter(pk=draft(bench)["id"]).update(reason="\x1b[31mred\nline [bold]")

    printed = holdfast("list").stdout + holdfast("show", Operation.objects.get().pk).stdout

    assert "\x1b" not in printed
    assert "[bold]" in printed


def test_every_command_says_what_it_does() -> None:
    for command in ("list", "show", "order", "confirm", "approve", "undo", "cancel", "retry"):
        result = holdfast(command, "--help")
        assert result.exit_code == Exit.OK
        assert "--as" in result.stdout


def test_a_folder_without_an_index_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "HOLDFAST_DATA_DIR": str(tmp_path / "nowhere")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    words = [sys.executable, "-m", "checkpoints.cli", "operations", "list"]

    run = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)

    assert run.returncode == Exit.STORE
    assert "there is no Holdfast in" in run.stderr
    assert "Traceback" not in run.stderr
