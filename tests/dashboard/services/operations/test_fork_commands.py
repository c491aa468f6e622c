"""The command line of a fork names what the fork itself would begin, or is not shown."""

from __future__ import annotations

import pytest

from dashboard.models import Operation, OperationKind, Source
from dashboard.services.operations.commands import command_of

pytestmark = pytest.mark.django_db


def named(kind: str, *, agent: str, thread: str) -> str:
    """Return what stands behind ``--as`` for a fork of ada's thread main; empty without any."""
    plan = {"agent_id": "ada", "thread_id": "main", "edits": []}
    fork = Operation(
        kind=OperationKind.FORK,
        source=Source(url=f"{kind}:////srv/agents", kind=kind),
        target_id="c1",
        plan={**plan, "new_agent_id": agent, "new_thread_id": thread},
    )
    _, found, rest = command_of(fork).partition(" --as ")
    return rest.partition(" ")[0] if found else ""


@pytest.mark.parametrize("kind", ["sqlite", "langgraph+sqlite", "crewai"])
def test_a_thread_of_the_same_agent_is_called_by_its_name(kind: str) -> None:
    assert named(kind, agent="ada", thread="main-from-3") == "main-from-3"


@pytest.mark.parametrize("kind", ["dreamos", "kaizen"])
def test_where_agents_have_one_thread_a_fork_is_called_by_the_new_agents_name(kind: str) -> None:
    assert named(kind, agent="bob", thread="main") == "bob"


@pytest.mark.parametrize("thread", ["main", "other"])
def test_what_a_terminal_cannot_ask_for_is_not_shown(thread: str) -> None:
    assert named("sqlite", agent="bob", thread=thread) == ""
