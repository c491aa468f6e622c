"""A source's folder that is moved away in the middle of a scan: nothing is taken for removed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard.models import Checkpoint, Source
from dashboard.services import scans
from tests.faults.stores.framework_acts import ON_DISK, laid
from tests.faults.stores.vanishing import MOMENTS, away, spread

MOST = 8


@pytest.mark.parametrize("kind", sorted(ON_DISK))
def test_a_scan_of_a_source_that_vanishes_says_so_and_removes_nothing(
    db: None, kind: str, tmp_path: Path
) -> None:
    yard = laid(ON_DISK[kind](), tmp_path / "place", f"sqlite:///{tmp_path}/trash.db")
    now = datetime.now(UTC)
    source = Source.objects.create(name="s", url=yard.kind.url, kind=kind, created_at=now)

    def scan() -> None:
        Source.objects.update(next_scan_at=None, scan_lease_until=None, cursor="")
        scans.scan_source(source_id=source.pk, now=now)

    scan()
    found = set(Checkpoint.objects.filter(removed_at=None).values_list("pk", flat=True))
    assert found
    said = set()
    for at in spread(MOMENTS.counted(scan), MOST):
        with away(yard.kind.folder, at):
            scan()
        source.refresh_from_db()
        said.add(source.health)
        assert found == set(Checkpoint.objects.filter(removed_at=None).values_list("pk", flat=True))
    scan()
    source.refresh_from_db()

    assert "failed" in said
    assert source.health == "healthy"
    assert found == set(Checkpoint.objects.filter(removed_at=None).values_list("pk", flat=True))
