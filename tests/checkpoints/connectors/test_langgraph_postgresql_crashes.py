"""Prunes on PostgreSQL that are killed: each checkpoint is in the tables or in the trash."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checkpoints import ThreadPrune, lineage, open_native_store
from checkpoints.connectors.langgraph_postgresql import LangGraphPostgresqlStore
from checkpoints.retention import RetentionPolicy
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors import graphs, langgraph_tables

ROOT = Path(__file__).resolve().parents[3]
KILLED = """
import json, os, signal, sys
from datetime import UTC, datetime, timedelta
from checkpoints import ThreadPrune, open_native_store
from checkpoints.connectors.langgraph import pruning
from checkpoints.connectors.langgraph_postgresql import LangGraphPostgresqlStore
from checkpoints.connectors.langgraph_postgresql.exact import ExactRows
from checkpoints.stores.urls import parse_url
from checkpoints.trash import StoreTrash

url, trash_file, act, place, count = sys.argv[1:]
places = {
    "keep": (StoreTrash, "keep"),
    "drop": (StoreTrash, "drop"),
    "delete": (ExactRows, "delete"),
    "delete_values": (ExactRows, "delete_values"),
    "insert": (ExactRows, "insert"),
}
owner, name = places[place]
original, calls = getattr(owner, name), [0]

def counted(*args, **values):
    calls[0] += 1
    if calls[0] > int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **values)

later = lambda: datetime.now(UTC) + timedelta(minutes=10)
store = LangGraphPostgresqlStore(parse_url(url), clock=later)
trash = StoreTrash(open_native_store(f"sqlite:///{trash_file}"))
prune = ThreadPrune.from_dict(json.loads(sys.stdin.read()))
setattr(owner, name, counted)
pruning._BATCH = 1
if act == "remove":
    store.remove(prune, operation_id="op-1", now=later(), trash=trash)
else:
    ids = [d.checkpoint_id for d in prune.remove]
    store.put_back(None, "t", ids, operation_id="op-1", trash=trash)
sys.exit(7)
"""


def later() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=10)


@pytest.fixture
def store(postgresql_url: str) -> Iterator[LangGraphPostgresqlStore]:
    with langgraph_tables.saver(postgresql_url) as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))
    with closing(langgraph_tables.opened(postgresql_url, clock=later)) as opened:
        yield opened


@pytest.fixture
def trash_file(tmp_path: Path) -> Path:
    return tmp_path / "trash.db"


@pytest.fixture
def trash(trash_file: Path) -> Iterator[StoreTrash]:
    with closing(open_native_store(f"sqlite:///{trash_file}")) as native:
        yield StoreTrash(native)


def planned(store: LangGraphPostgresqlStore) -> ThreadPrune:
    return lineage.plan_prune(store, None, "t", RetentionPolicy.keep_last(2), now=later())


def killed(
    store: LangGraphPostgresqlStore,
    trash_file: Path,
    prune: ThreadPrune,
    *where: object,
) -> None:
    """Run an act in a process that is killed at a place."""
    command = [sys.executable, "-c", KILLED, store.url, str(trash_file), *map(str, where)]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        input=json.dumps(prune.to_dict()),
        text=True,
        check=False,
        timeout=60,
        capture_output=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def in_both(store: LangGraphPostgresqlStore, trash: StoreTrash) -> set[str]:
    """Return the ids of the checkpoints in the tables or in the trash."""
    listed = {record.id for record in store.history(None, "t")}
    return listed | {item.checkpoint_id for item in trash.items("op-1", "t")} - {""}


@pytest.mark.parametrize(
    ("place", "count"),
    [("keep", 0), ("keep", 2), ("keep", 9), ("delete", 0), ("delete", 3), ("delete_values", 0)],
)
def test_a_kill_while_pruning_leaves_all_in_the_tables_or_the_trash(
    postgresql_url: str,
    store: LangGraphPostgresqlStore,
    trash: StoreTrash,
    trash_file: Path,
    place: str,
    count: int,
) -> None:
    before, ids, prune = (
        langgraph_tables.rows_of(postgresql_url),
        in_both(store, trash),
        planned(store),
    )
    killed(store, trash_file, prune, "remove", place, count)
    assert langgraph_tables.rows_of(postgresql_url) == before
    done = store.remove(prune, operation_id="op-1", now=later(), trash=trash)
    assert set(done.removed) == {d.checkpoint_id for d in prune.remove}
    assert in_both(store, trash) == ids
    assert list(store.verify()) == []
    assert store.put_back(None, "t", done.removed, operation_id="op-1", trash=trash) == {}
    assert langgraph_tables.rows_of(postgresql_url) == before


@pytest.mark.parametrize(
    ("place", "count"), [("keep", 0), ("insert", 0), ("insert", 4), ("drop", 0)]
)
def test_a_kill_while_bringing_back_leaves_all_in_the_tables_or_the_trash(
    postgresql_url: str,
    store: LangGraphPostgresqlStore,
    trash: StoreTrash,
    trash_file: Path,
    place: str,
    count: int,
) -> None:
    before, ids, prune = (
        langgraph_tables.rows_of(postgresql_url),
        in_both(store, trash),
        planned(store),
    )
    done = store.remove(prune, operation_id="op-1", now=later(), trash=trash)
    killed(store, trash_file, prune, "put back", place, count)
    assert in_both(store, trash) == ids
    assert store.put_back(None, "t", done.removed, operation_id="op-1", trash=trash) == {}
    assert langgraph_tables.rows_of(postgresql_url) == before
