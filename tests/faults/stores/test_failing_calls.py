"""Every call that writes fails once, or from then on, in a store's short life."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.stores.failing import FailingDisk
from tests.faults.stores.scenario import SYNCS, WRITES

IN_MEMORY = Path("/dev/shm")
SHORT = 0
ONCE, FROM_THEN_ON = False, True


@pytest.fixture
def failing(shim: Path, kind: str, tmp_path: Path) -> Iterator[FailingDisk]:
    """A disk in memory where there is one: what is tested stands before the real disk."""
    quick = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else tmp_path
    with tempfile.TemporaryDirectory(dir=quick) as folder:
        disk = FailingDisk(shim, Path(folder) / "failing", kind)
        yield disk
        disk.close()


@pytest.mark.parametrize("from_then_on", [ONCE, FROM_THEN_ON], ids=["once", "from then on"])
@pytest.mark.parametrize(
    "error", [errno.EIO, errno.ENOSPC, SHORT], ids=["EIO", "ENOSPC", "short write"]
)
def test_whichever_call_fails_every_promise_holds(
    failing: FailingDisk, error: int, from_then_on: bool
) -> None:
    cases = 0
    broken = []
    for case in failing.sweep(error=error, from_then_on=from_then_on):
        broken += case.violations()
        cases += case.failed
    assert broken == []
    assert cases > 10


def test_nothing_is_acknowledged_after_a_failed_fdatasync(failing: FailingDisk) -> None:
    saves = 0
    for case in failing.sweep(error=errno.EIO, from_then_on=FROM_THEN_ON, kinds=SYNCS):
        late = [step for step in case.steps if step.name == "save" and step.failed_before]
        met = [step for step in case.steps if step.name == "save" and not step.failed_before]
        met = [step for step in met if step.failed_after]
        assert [step.number for step in (*met, *late) if not step.error] == []
        saves += len(met)
    assert saves >= 6


def test_nothing_is_appended_after_a_short_write(failing: FailingDisk) -> None:
    """Half of a record lies in the file; what is saved behind it must be found again."""
    later = 0
    for case in failing.sweep(error=SHORT, from_then_on=ONCE, kinds=WRITES):
        assert case.violations() == []
        later += any(step.failed_before and not step.error for step in case.steps)
    assert later > 6
