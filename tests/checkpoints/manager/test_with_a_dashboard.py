"""What a manager tells a dashboard, and what it does when one tells it something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checkpoints import CheckpointManager, Directive, HeadMoved, Store, Strategy
from checkpoints.reporting import Bounds, Reporter
from tests.checkpoints.dashboards import Dashboard, a_dashboard, until


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    with a_dashboard() as server:
        yield server


@pytest.fixture
def reporter(dashboard: Dashboard, tmp_path: Path) -> Iterator[Reporter]:
    bounds = Bounds(first_pause=0.02, longest_pause=0.1, timeout=1.0)
    made = Reporter(dashboard.url, "hf_secret", spool=tmp_path / "spool", bounds=bounds)
    yield made
    dashboard.let_go.set()
    made.close(1)


@pytest.fixture
def manager(store: Store, reporter: Reporter) -> CheckpointManager:
    return CheckpointManager("agent-1", store=store, reporter=reporter)


def leave(dashboard: Dashboard, strategy: str, **parameters: Any) -> None:
    dashboard.directives = [
        {
            "id": "d-1",
            "agent_id": "agent-1",
            "thread_id": "main",
            "strategy": strategy,
            "parameters": parameters,
            "reason": "it went astray",
            "issued_at": "2026-11-21T12:00:00+00:00",
        }
    ]


def acknowledged(dashboard: Dashboard) -> list[tuple[str, str]]:
    until(lambda: dashboard.of_type("acknowledgement"))
    return [(i["directive_id"], i["outcome"]) for i in dashboard.of_type("acknowledgement")]


def test_saves_failures_effects_and_resumes_are_told(
    manager: CheckpointManager, dashboard: Dashboard
) -> None:
    manager.create_checkpoint(state={"n": 1})
    manager.resume()
    manager.record_effect("mail", "order-17")
    manager.record_effect("mail", "order-17")
    with pytest.raises(ZeroDivisionError), manager.run():
        raise ZeroDivisionError("oh")
    manager.close()
    told = [item["type"] for item in dashboard.items.values()]
    assert told.count("checkpoint") == 2
    assert told.count("effect") == 1
    assert [item["outcome"] for item in dashboard.of_type("resume")] == [
        "resumed",
        "resumed",
        "succeeded",
    ]
    (failure,) = dashboard.of_type("failure")
    assert failure["checkpoint_id"] == manager.history()[0].id


def test_a_restore_that_came_with_an_answer_fences_the_next_save_off(
    manager: CheckpointManager, dashboard: Dashboard, reporter: Reporter
) -> None:
    first = manager.create_checkpoint(state={"n": 1})
    leave(dashboard, "restore_checkpoint", checkpoint_id=first.id)
    manager.create_checkpoint(state={"n": 2})
    until(lambda: reporter.directives("agent-1", "main"))
    with pytest.raises(HeadMoved, match="by operation d-1"):
        manager.create_checkpoint(state={"n": 3})
    assert manager.resume() == {"n": 1}
    assert manager.create_checkpoint(state={"n": 4}).parent_id == first.id
    assert acknowledged(dashboard) == [("d-1", "applied")]


def test_where_a_restore_moved_the_head_is_told_though_nothing_is_saved_after_it(
    manager: CheckpointManager, dashboard: Dashboard, reporter: Reporter
) -> None:
    first = manager.create_checkpoint(state={"n": 1})
    leave(dashboard, "restore_checkpoint", checkpoint_id=first.id)
    manager.create_checkpoint(state={"n": 2})
    until(lambda: reporter.directives("agent-1", "main"))
    with pytest.raises(HeadMoved):
        manager.create_checkpoint(state={"n": 3})
    manager.close()
    heads = [item["head"] for item in dashboard.of_type("checkpoint")]
    assert heads[-1]["checkpoint_id"] == first.id


def test_a_resume_asks_first_and_begins_where_the_operator_wants(
    manager: CheckpointManager, dashboard: Dashboard
) -> None:
    first = manager.create_checkpoint(state={"n": 1})
    manager.create_checkpoint(state={"n": 2})
    leave(dashboard, "restore_checkpoint", checkpoint_id=first.id)
    assert manager.resume() == {"n": 1}
    assert acknowledged(dashboard) == [("d-1", "applied")]


def test_a_restore_of_what_is_not_there_is_told_as_failed_and_the_agent_goes_on(
    manager: CheckpointManager, dashboard: Dashboard
) -> None:
    manager.create_checkpoint(state={"n": 1})
    leave(dashboard, "restore_checkpoint", checkpoint_id="no-such")
    assert manager.resume() == {"n": 1}
    manager.create_checkpoint(state={"n": 2})
    assert acknowledged(dashboard) == [("d-1", "failed")]


def test_any_other_directive_is_handed_over_once(
    manager: CheckpointManager, dashboard: Dashboard
) -> None:
    manager.create_checkpoint(state={"n": 1})
    leave(dashboard, "modify_parameters", temperature=0.2)
    given = Directive(strategy=Strategy.MODIFY_PARAMETERS, parameters={"temperature": 0.2})
    manager.resume()
    assert manager.directive == given
    assert manager.next_directive() is None
    assert acknowledged(dashboard) == [("d-1", "applied")]


def test_a_dashboard_that_hangs_or_fails_changes_nothing_for_the_agent(
    manager: CheckpointManager, dashboard: Dashboard
) -> None:
    dashboard.always = 500
    manager.create_checkpoint(state={"n": 1})
    assert manager.resume() == {"n": 1}
    dashboard.always = "hang"
    assert manager.create_checkpoint(state={"n": 2}) in manager.history()


def test_a_directive_for_a_thread_of_another_store_is_not_obeyed(
    store: Store, dashboard: Dashboard, reporter: Reporter, tmp_path: Path
) -> None:
    other = CheckpointManager("agent-1", store=f"sqlite:///{tmp_path}/other.db", reporter=reporter)
    manager = CheckpointManager("agent-1", store=store, reporter=reporter)
    manager.create_checkpoint(state={"n": 1})
    until(lambda: dashboard.of_type("checkpoint"))
    leave(dashboard, "escalate_to_human")
    other.create_checkpoint(state={"n": 1})
    until(lambda: reporter.directives("agent-1", "main"))
    assert manager.next_directive() is None
    given = other.next_directive()
    assert given is not None
    assert given.strategy is Strategy.ESCALATE_TO_HUMAN
    other.close()


@pytest.mark.parametrize(
    "named", [None, 5, "", "latest", "../../etc/passwd", "\x00", "x" * 100_000]
)
def test_a_directive_that_names_nothing_of_the_agents_is_answered_and_changes_nothing(
    manager: CheckpointManager, store: Store, dashboard: Dashboard, named: object
) -> None:
    saved = manager.create_checkpoint(state={"n": 1})
    leave(dashboard, "restore_checkpoint", checkpoint_id=named)
    assert manager.resume() == {"n": 1}
    assert acknowledged(dashboard) == [("d-1", "failed")]
    assert manager.history()[0].id == saved.id


def test_a_directive_that_names_another_agents_checkpoint_is_refused(
    manager: CheckpointManager, store: Store, dashboard: Dashboard
) -> None:
    others = CheckpointManager("agent-2", store=store)
    theirs = others.create_checkpoint(state={"secret": 1})
    manager.create_checkpoint(state={"n": 1})
    leave(dashboard, "restore_checkpoint", checkpoint_id=theirs.id)
    assert manager.resume() == {"n": 1}
    assert acknowledged(dashboard) == [("d-1", "failed")]
