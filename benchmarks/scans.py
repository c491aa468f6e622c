"""What it takes to have somebody else's store in the dashboard, and to make it small."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import checkpoints
from benchmarks import langgraph_files
from benchmarks.index import set_up
from benchmarks.measure import Bound, Row, seconds
from checkpoints.retention import RetentionPolicy

SAMPLE = Path(
    os.environ.get("HOLDFAST_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
) / "samples" / "langgraph.sqlite"  # fmt: skip
MANY, THREADS = 100_000, 1_000
KEPT = 3


def rows() -> Iterator[Row]:
    """Measure in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        if SAMPLE.exists():
            yield from _sample(Path(folder))
        yield _long(Path(folder) / "long.sqlite")
        if SAMPLE.exists():
            yield _prune(Path(folder) / "pruned.sqlite")


def _sample(folder: Path) -> Iterator[Row]:
    from dashboard.models import User
    from dashboard.services import scans, sources

    user = User.objects.create_superuser("bench", password=None)
    now = user.authenticated_at = datetime.now(UTC)
    shutil.copyfile(SAMPLE, folder / "sample.sqlite")
    added: list[Any] = []

    def add() -> None:
        url = f"langgraph+sqlite:///{folder}/sample.sqlite"
        added.append(sources.add_source(user=user, url=url, name="sample", now=now))
        scans.scan_source(source_id=added[0].pk, now=now, budget=1)

    note = "4 MB, tested, added and its first page read; a worker takes it up within 0.1 s"
    yield Row(name="first page after adding", value=seconds(add), unit="s", goal=1, note=note)
    shutil.copyfile(SAMPLE, folder / "again.sqlite")
    again = _source(folder / "again.sqlite", now)
    took = seconds(lambda: scans.scan_source(source_id=again, now=now))
    note = f"{_listed(again)} checkpoints, 4 MB"
    yield Row(name="scan of the LangGraph sample", value=took, unit="s", goal=3, note=note)


def _long(path: Path) -> Row:
    from dashboard.services import scans

    langgraph_files.write(path, checkpoints=MANY, threads=THREADS)
    now = datetime.now(UTC)
    source = _source(path, now)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def scan() -> None:
        for _ in range(MANY):
            result = scans.scan_source(source_id=source, now=now)
            if result.outcome is not scans.ScanOutcome.MORE_WAITS:
                break

    took = seconds(scan)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    size = path.stat().st_size / 1e6
    runs = f"{THREADS:,} threads in turns of {langgraph_files.RUN}"
    count = f"{_listed(source):,} checkpoints of {runs}, {size:.0f} MB"
    note = f"{count}; {grown:.0f} MB more memory at most"
    return Row(name="scan of a long LangGraph file", value=took, unit="s", goal=60, note=note)


def _prune(path: Path) -> Row:
    from checkpoints.lineage import plan_prune, remove
    from checkpoints.trash import StoreTrash

    shutil.copyfile(SAMPLE, path)
    before, now = path.stat().st_size, datetime.now(UTC) + timedelta(days=1)
    trash = StoreTrash(checkpoints.open_native_store(f"sqlite:///{path}.trash"))
    with closing(checkpoints.open_store(f"langgraph+sqlite:///{path}")) as store:
        for thread in list(store.threads()):
            plan = plan_prune(store, None, thread.thread_id, RetentionPolicy(newest=KEPT), now=now)
            remove(store, plan, operation_id="bench", now=now, trash=trash)
    after = path.stat().st_size
    note = f"newest {KEPT} of each thread kept: {before / 1e6:.2f} to {after / 1e6:.2f} MB"
    freed = 100 * (1 - after / before)
    return Row(
        name="freed by a prune", value=freed, unit="%", goal=80, bound=Bound.AT_LEAST, note=note
    )


def _source(path: Path, now: datetime) -> int:
    from dashboard.models import Source

    url = f"langgraph+sqlite:///{path}"
    row = Source.objects.create(name=path.stem, url=url, kind="langgraph+sqlite", created_at=now)
    return int(row.pk)


def _listed(source: int) -> int:
    from dashboard.models import Checkpoint

    return Checkpoint.objects.filter(thread__agent__source=source).count()
