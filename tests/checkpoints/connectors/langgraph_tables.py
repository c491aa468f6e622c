"""LangGraph's tables in a database of a test's own, and its own saver on them."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from checkpoints.connectors.langgraph_postgresql import LangGraphPostgresqlStore
from checkpoints.records import Head
from checkpoints.stores.urls import StoreUrl, parse_url

SAMPLE_THREADS = (
    "approval-7",
    "coder-42",
    "crew-alpha",
    "crew-beta",
    "drift-9",
    "etl-nightly",
    "exit-1",
    "hog-3",
    "memory-11",
    "support-001",
    "support-002",
    "typed-5",
)
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def saver(url: str) -> Iterator[PostgresSaver]:
    """Open LangGraph's own saver on a database."""
    with PostgresSaver.from_conn_string(url) as opened:
        opened.setup()
        yield opened


def store_url(url: str, options: str = "") -> StoreUrl:
    """Return what a database is called as a store of LangGraph's."""
    return parse_url(urlsplit(url)._replace(scheme="langgraph+postgresql").geturl() + options)


def opened(
    url: str, options: str = "", clock: Callable[[], datetime] = now
) -> LangGraphPostgresqlStore:
    """Open the store under test."""
    return LangGraphPostgresqlStore(store_url(url, options), clock=clock)


def load_sample(samples: Path, url: str) -> None:
    """Load the tables that other people's graphs wrote into an empty database."""
    program = shutil.which("psql")
    if program is None:
        pytest.skip("psql is missing, which loads the sample")
    dump = gzip.decompress((samples / "langgraph_pg.sql.gz").read_bytes())
    subprocess.run([program, "-q", "-X", "-o", "/dev/null", url], input=dump, check=True)


def execute(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement as another program would."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def rows_of(url: str, thread_id: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that the tables hold of a thread or of all."""
    where = "" if thread_id is None else " WHERE thread_id = %s"
    given = () if thread_id is None else (thread_id,)
    return {
        table: execute(url, f"SELECT * FROM {table}{where} ORDER BY 1, 2, 3, 4, 5", *given)
        for table in TABLES
    }


def restore(url: str, thread_id: str, checkpoint_id: str, operation: str = "op-1") -> Head:
    """Restore as an operator does: plan, choose ids, carry out."""
    store = opened(url)
    try:
        plan = store.plan_restore(store.get(checkpoint_id, thread_id=thread_id, namespace=""))
        return store.restore(
            plan,
            written_ids=store.choose_ids(plan),
            operation_id=operation,
            reason="it went wrong",
            now=now(),
        )
    finally:
        store.close()
