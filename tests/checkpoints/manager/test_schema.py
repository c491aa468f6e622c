"""Code that has moved on since the state was saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checkpoints import CheckpointManager, SchemaMismatch, Store


def with_plan(state: dict[str, Any]) -> dict[str, Any]:
    return {**state, "plan": []}


def with_tuple(state: dict[str, Any]) -> dict[str, Any]:
    return {**state, "plan": tuple(state["plan"])}


def test_an_older_state_is_brought_up_step_by_step(store: Store) -> None:
    CheckpointManager("a", store=store, schema_version=1).create_checkpoint(state={"n": 1})
    newer = CheckpointManager(
        "a", store=store, schema_version=3, migrations={1: with_plan, 2: with_tuple}
    )
    assert newer.resume() == {"n": 1, "plan": ()}
    assert newer.create_checkpoint().metadata["schema_version"] == 3
    assert newer.resume() == {"n": 1, "plan": ()}


def test_a_state_without_a_version_is_one_of_version_0(store: Store) -> None:
    CheckpointManager("a", store=store).create_checkpoint(state={"n": 1})
    newer = CheckpointManager("a", store=store, schema_version=1, migrations={0: with_plan})
    assert newer.resume() == {"n": 1, "plan": []}


def test_a_state_that_nothing_leads_up_from_is_refused_and_nothing_is_changed(
    store: Store,
) -> None:
    applied: list[object] = []
    saved = CheckpointManager("a", store=store, schema_version=1).create_checkpoint(state={"n": 1})
    newer = CheckpointManager("a", store=store, schema_version=3, apply=applied.append)
    with pytest.raises(SchemaMismatch, match="give migrations=|Give migrations=") as caught:
        newer.resume()
    assert (caught.value.found, caught.value.expected, applied) == (1, 3, [])
    with pytest.raises(SchemaMismatch):
        newer.restore_checkpoint(saved)
    assert newer.resume_stats().failed == 1


def test_a_migration_that_forgets_to_return_the_state_does_not_lose_it(store: Store) -> None:
    def in_place(state: dict[str, Any]) -> None:
        state["plan"] = []

    CheckpointManager("a", store=store).create_checkpoint(state={"n": 1})
    newer = CheckpointManager("a", store=store, schema_version=1, migrations={0: in_place})  # type: ignore[dict-item]
    with pytest.raises(SchemaMismatch, match=r"migrations\[0\] must return .* not NoneType"):
        newer.resume()
    assert CheckpointManager("a", store=store).resume() == {"n": 1}


def test_a_state_of_newer_code_is_refused(store: Store) -> None:
    CheckpointManager("a", store=store, schema_version=2).create_checkpoint(state={"n": 1})
    with pytest.raises(SchemaMismatch, match="Run the code that saved it"):
        CheckpointManager("a", store=store, schema_version=1).resume()


def test_code_that_names_no_version_takes_any_state(store: Store) -> None:
    CheckpointManager("a", store=store, schema_version=2).create_checkpoint(state={"n": 1})
    assert CheckpointManager("a", store=store).resume() == {"n": 1}


@pytest.mark.parametrize("migration", [dict.clear, lambda state: state["missing"]])
def test_a_migration_that_fails_changes_nothing(
    store: Store, migration: Callable[[dict[str, Any]], Any]
) -> None:
    old = CheckpointManager("a", store=store, schema_version=1)
    saved = old.create_checkpoint(state={"n": 1})
    new = CheckpointManager("a", store=store, schema_version=2, migrations={1: migration})
    with pytest.raises((SchemaMismatch, KeyError)):
        new.resume()
    assert new.state == {}
    assert old.load(saved) == {"n": 1}
    assert new.resume_stats().failed == 1


def test_a_failed_run_does_not_mark_an_old_state_as_new(store: Store) -> None:
    CheckpointManager("a", store=store, schema_version=1).create_checkpoint(state={"n": 1})
    newer = CheckpointManager("a", store=store, schema_version=2, migrations={1: with_plan})
    newer.state = {"bad": object()}
    saved = newer.fail(ZeroDivisionError())
    assert newer.load(saved) == {"n": 1, "plan": []}
    assert newer.resume() == {"n": 1, "plan": []}


def test_the_agents_own_metadata_do_not_hide_the_version(store: Store) -> None:
    manager = CheckpointManager("a", store=store, schema_version=2)
    manager.create_checkpoint(state={"n": 1}, metadata={"schema_version": "mine"})
    assert manager.resume() == {"n": 1}
    unmarked = CheckpointManager("b", store=store)
    unmarked.create_checkpoint(state={"n": 1}, metadata={"schema_version": "mine"})
    with pytest.raises(SchemaMismatch):
        CheckpointManager("b", store=store, schema_version=1).resume()
