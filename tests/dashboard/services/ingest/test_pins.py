"""Pins that agents set in their stores are known here, and so is when they are taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

import checkpoints
from dashboard.models import Checkpoint
from dashboard.services import scans
from tests.benches import Bench, Clock, register, save_steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    return register(url, thread_id="main", clock=Clock())


def test_what_a_store_says_of_pins_is_said_here_too(bench: Bench) -> None:
    row = bench.rows()[1]
    store = checkpoints.open_native_store(bench.url)
    record = store.get(row.checkpoint_id)
    store.pin(record, reason="last good", now=bench.clock())
    scans.scan_source(source_id=bench.source.pk, now=bench.clock())
    assert list(Checkpoint.objects.filter(pinned=True)) == [row]

    store.unpin(record)
    store.close()
    scans.scan_source(source_id=bench.source.pk, now=bench.clock())
    assert not Checkpoint.objects.filter(pinned=True).exists()
