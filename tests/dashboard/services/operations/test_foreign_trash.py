"""What is taken out of other frameworks' stores waits apart, store by store."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

import pytest

import checkpoints
from dashboard.models import Operation, OperationState, Role
from dashboard.services import operations
from dashboard.services.operations import PruneOf, Scope
from tests.benches import Bench, Clock, register
from tests.checkpoints.connectors import langgraph_tables
from tests.dashboard.people import join

THREAD = "crew-alpha"


@pytest.fixture
def benches(db: None, samples: Path, tmp_path: Path) -> tuple[Bench, Bench]:
    """Two LangGraph files with the same threads."""
    clock = Clock()
    found = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.sqlite"
        shutil.copyfile(samples / "langgraph.sqlite", path)
        found.append(register(f"langgraph+sqlite:///{path}", thread_id=THREAD, clock=clock))
    join(found[0].user, Role.ADMIN).authenticated_at = clock()
    found[0].user.authenticated_at = found[1].user.authenticated_at = clock()
    return found[0], found[1]


def confirmed(bench: Bench, draft: Operation) -> Operation:
    operation = operations.confirm(
        user=bench.user,
        operation_id=draft.pk,
        plan_hash=draft.plan_hash,
        reason="tidying up",
        typed=draft.about,
        now=bench.clock(),
    )
    return bench.run(operation)


def prune(bench: Bench) -> Operation:
    draft = operations.draft_prune(
        user=bench.user,
        scope=Scope(source=bench.source),
        wanted=[PruneOf(thread=bench.thread(), policy=checkpoints.RetentionPolicy(newest=3))],
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )
    return confirmed(bench, draft)


def erase(bench: Bench) -> Operation:
    draft = operations.draft_erase(
        user=bench.user,
        source=bench.source,
        thread_id=THREAD,
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )
    return confirmed(bench, draft)


def listed(bench: Bench) -> list[str]:
    store = checkpoints.open_store(bench.url)
    try:
        return sorted(record.id for record in store.history(None, THREAD))
    finally:
        store.close()


def test_a_prune_of_a_langgraph_thread_is_undone_to_the_last_row(
    benches: tuple[Bench, Bench],
) -> None:
    bench, _ = benches
    before = listed(bench)

    pruned = prune(bench)
    assert pruned.state == OperationState.SUCCEEDED, pruned.message
    assert len(listed(bench)) < len(before)
    undo = bench.run(bench.undo(pruned))

    assert undo.state == OperationState.SUCCEEDED, undo.message
    assert listed(bench) == before


def test_a_prune_of_langgraphs_tables_is_undone_to_the_last_row(
    db: None, samples: Path, postgresql_url: str
) -> None:
    langgraph_tables.load_sample(samples, postgresql_url)
    clock = Clock()
    url = langgraph_tables.store_url(postgresql_url).text
    bench = register(url, thread_id=THREAD, clock=clock)
    join(bench.user, Role.ADMIN).authenticated_at = clock()
    bench.user.authenticated_at = clock()
    before = langgraph_tables.rows_of(postgresql_url)

    pruned = prune(bench)
    assert pruned.state == OperationState.SUCCEEDED, pruned.message
    assert pruned.result["freed_bytes"] > 0
    assert "The source holds" in pruned.message
    assert langgraph_tables.rows_of(postgresql_url) != before
    undo = bench.run(bench.undo(pruned))

    assert undo.state == OperationState.SUCCEEDED, undo.message
    assert langgraph_tables.rows_of(postgresql_url) == before


def test_a_file_that_was_not_written_anew_is_named(
    benches: tuple[Bench, Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkpoints.connectors.sqlite_files.space._MOST", 4096)
    monkeypatch.setattr("checkpoints.connectors.sqlite_files.space._WORTH", 1_000_000)
    pruned = prune(benches[0])
    assert pruned.state == OperationState.SUCCEEDED, pruned.message
    assert "run VACUUM on it at a quiet time" in pruned.message


def test_an_erasure_leaves_the_trash_of_another_store_alone(benches: tuple[Bench, Bench]) -> None:
    one, two = benches
    before = listed(one)
    pruned = prune(one)

    erased = erase(two)
    assert erased.state == OperationState.SUCCEEDED, erased.message
    undo = one.run(one.undo(pruned))

    assert undo.state == OperationState.SUCCEEDED, undo.message
    assert listed(one) == before
