"""Reading a source through: what is found is kept, and what is found no more is marked as gone."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from uuid import uuid4

import checkpoints
from dashboard.models import Checkpoint, Operation, OperationState, SourceFinding
from dashboard.services import operations
from dashboard.services.ingest import findings
from tests.benches import Bench

LONG_AGO = timedelta(days=31)


def verified(bench: Bench, *, deep: bool = False) -> Operation:
    """Verify a second later."""
    bench.clock.pass_by(1)
    draft = operations.draft_verify(
        user=bench.user,
        source=bench.source,
        deep=deep,
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )
    asked = operations.confirm(
        user=bench.user,
        operation_id=draft.pk,
        plan_hash=draft.plan_hash,
        reason="after the disk was full",
        now=bench.clock(),
    )
    return bench.run(asked)


def changed(bench: Bench, sql: str, *values: object) -> None:
    connection = sqlite3.connect(bench.url.removeprefix("sqlite:///"))
    with connection:
        connection.execute(sql, values)
    connection.close()


def frame_of(bench: Bench, position: int) -> bytes:
    connection = sqlite3.connect(bench.url.removeprefix("sqlite:///"))
    sql = "SELECT frame FROM checkpoints WHERE position = ?"
    [(frame,)] = connection.execute(sql, (position,)).fetchall()
    connection.close()
    return bytes(frame)


def test_what_is_wrong_is_kept_and_told_by_its_kind(bench: Bench) -> None:
    changed(bench, "UPDATE checkpoints SET frame = x'00' WHERE position = 2")
    operation = verified(bench)
    assert operation.state == OperationState.SUCCEEDED
    assert SourceFinding.objects.filter(kind="corrupt_checkpoint", gone_at=None).count() >= 1
    [group] = operation.result["kinds"]
    assert group["kind"] == "corrupt_checkpoint"
    assert group["count"] == operation.result["found"] == len(group["places"])


def test_what_is_wrong_no_more_is_marked_as_gone(bench: Bench) -> None:
    whole = frame_of(bench, 2)
    changed(bench, "UPDATE checkpoints SET frame = x'00' WHERE position = 2")
    count = verified(bench).result["found"]
    changed(bench, "UPDATE checkpoints SET frame = ? WHERE position = 2", whole)

    operation = verified(bench)

    assert (operation.result["found"], operation.result["gone"]) == (0, count)
    assert "of before" in operation.message
    assert {row.gone_at for row in SourceFinding.objects.all()} == {bench.clock()}


def test_what_is_wrong_again_keeps_when_it_was_first_seen(bench: Bench) -> None:
    whole = frame_of(bench, 2)
    changed(bench, "UPDATE checkpoints SET frame = x'00' WHERE position = 2")
    verified(bench)
    first = bench.clock()
    changed(bench, "UPDATE checkpoints SET frame = ? WHERE position = 2", whole)
    verified(bench)
    changed(bench, "UPDATE checkpoints SET frame = x'00' WHERE position = 2")

    verified(bench)

    rows = SourceFinding.objects.all()
    assert {(row.found_at, row.gone_at, row.seen_at) for row in rows} == {
        (first, None, bench.clock())
    }


def test_what_only_a_deep_reading_shows_is_not_gone_after_another(bench: Bench) -> None:
    found = checkpoints.Finding(kind="corrupt_checkpoint", message="its digest does not hold")
    findings.keep(bench.source, [found], now=bench.clock(), deep=True)
    assert verified(bench).result["gone"] == 0
    assert verified(bench, deep=True).result["gone"] == 1


def test_what_only_scans_can_see_is_not_gone_after_a_verification(bench: Bench) -> None:
    found = checkpoints.Finding(kind=findings.UNUSABLE, message="a record was left out")
    findings.keep(bench.source, [found], now=bench.clock())
    assert verified(bench, deep=True).result["gone"] == 0


def test_what_is_gone_for_long_is_forgotten(bench: Bench) -> None:
    gone = bench.clock() - LONG_AGO
    found = checkpoints.Finding(kind="truncated", message="cut off")
    findings.keep(bench.source, [found], now=gone)
    SourceFinding.objects.update(gone_at=gone)
    verified(bench)
    assert not SourceFinding.objects.exists()


def test_the_same_finding_twice_is_one_row(bench: Bench) -> None:
    found = checkpoints.Finding(kind="truncated", message="x" * 20_000, checkpoint_id="é" * 5_000)
    for _ in range(2):
        assert findings.keep(bench.source, [found, found], now=bench.clock()) == 1
    assert SourceFinding.objects.count() == 1


def test_a_checkpoint_whose_content_is_another_than_first_seen_is_named(bench: Bench) -> None:
    """As when somebody edits a value in a store that keeps no checksums."""
    row = bench.rows()[1]
    Checkpoint.objects.filter(pk=row.pk).update(sha256="0" * 64)
    [group] = verified(bench).result["kinds"]
    assert (group["kind"], group["count"]) == (findings.ALTERED, 1)
    assert group["places"][0]["checkpoint_id"] == row.checkpoint_id
