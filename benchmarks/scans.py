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
MILLION, MILLION_THREADS, SMALL_BODY = 1_000_000, 5_000, 300
KEPT = 3


def rows(*, million: bool = False) -> Iterator[Row]:
    """Measure in a folder of its own; ``million`` adds a scan that takes many minutes."""
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        if SAMPLE.exists():
            yield from _sample(Path(folder))
        yield _long(Path(folder) / "long.sqlite", run=langgraph_files.RUN)
        yield _long(Path(folder) / "turns.sqlite", run=1)
        if million:
            yield _million(Path(folder) / "million.sqlite")
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


def _long(path: Path, *, run: int) -> Row:
    langgraph_files.write(path, checkpoints=MANY, threads=THREADS, run=run)
    took, note = _scanned(path, f"{THREADS:,} threads in turns of {run}")
    name = "scan of a long LangGraph file"
    name = name if run > 1 else f"{name}, each checkpoint of another thread"
    return Row(name=name, value=took, unit="s", goal=60, note=note)


def _million(path: Path) -> Row:
    sizes = {"checkpoints": MILLION, "threads": MILLION_THREADS, "body": SMALL_BODY}
    langgraph_files.write(path, **sizes)
    took, note = _scanned(path, f"{MILLION_THREADS:,} threads in turns of {langgraph_files.RUN}")
    return Row(name="scan of a million checkpoints", value=took, unit="s", note=note)


def _scanned(path: Path, threads: str) -> tuple[float, str]:
    """Return the seconds that it took to scan a file through, and what is to be said of it."""
    now = datetime.now(UTC)
    source = _source(path, now)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = seconds(lambda: _scan_through(source, now))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    count = f"{_listed(source):,} checkpoints of {threads}, {path.stat().st_size / 1e6:.0f} MB"
    return took, f"{count}; {grown:.0f} MB more memory at most"


def _scan_through(source: int, now: datetime) -> None:
    from dashboard.services import scans

    while True:
        result = scans.scan_source(source_id=source, now=now)
        if result.outcome is not scans.ScanOutcome.MORE_WAITS:
            return


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
