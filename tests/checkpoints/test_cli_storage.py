"""holdfast storage: what takes a store's space, by thread and by field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from checkpoints import open_store
from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit
from checkpoints.testing import save_chain


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/agents.db"
    store: Any = open_store(url)
    save_chain(store, 4)
    store.close()
    return url


def ask(*words: str) -> Any:
    result = CliRunner().invoke(app, ["storage", *words, "--json"])
    assert result.exit_code == Exit.OK, result.output
    return json.loads(result.stdout)


def test_threads_take_what_their_checkpoints_take(url: str) -> None:
    found = ask(url)
    store: Any = open_store(url)
    records = store.history("agent-1", "main")
    assert found["threads"] == [
        {
            "agent_id": "agent-1",
            "thread_id": "main",
            "checkpoints": 4,
            "size": sum(record.size for record in records),
            "stored_size": sum(record.stored_size for record in records),
        }
    ]
    assert found["space"]["stored"] > found["threads"][0]["stored_size"]
    store.close()


def test_fields_are_those_of_the_store_largest_first(url: str) -> None:
    found = ask(url, "--by", "fields")
    assert [(one["field"], one["checkpoints"]) for one in found["fields"]] == [
        ("log", 4),
        ("step", 4),
    ]


def test_fields_of_several_threads_are_added_up(samples: Path) -> None:
    url = f"kaizen:///{samples / 'kaizen' / 'flat'}"
    found = ask(url, "--by", "fields", "--limit", "1000")
    store: Any = open_store(url)
    whole = sum(
        one.size
        for thread in store.threads()
        for one in store.field_sizes(thread.agent_id, thread.thread_id)
    )
    assert sum(one["size"] for one in found["fields"]) == whole
    store.close()


def test_only_the_largest_are_shown(url: str) -> None:
    assert len(ask(url, "--by", "fields", "--limit", "1")["fields"]) == 1


def test_people_get_a_table(url: str) -> None:
    result = CliRunner().invoke(app, ["storage", url, "--by", "fields"])
    assert result.exit_code == Exit.OK
    assert "before compression" in result.stdout
    assert "Trash" in result.stdout


def test_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["storage", f"sqlite:///{tmp_path}/none.db"])
    assert result.exit_code == Exit.STORE
