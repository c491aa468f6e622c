"""LangGraph's tables when the server's disk is full, the database goes away, or a worker dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from checkpoints import CheckpointError, PermanentStoreError
from checkpoints.connectors.langgraph_postgresql.database import Session
from tests.checkpoints.connectors.langgraph_tables import execute
from tests.faults.stores.framework_acts import Yard, laid
from tests.faults.sweep.graph_tables import LangGraphTables
from tests.faults.sweep.postgresql import SERVER_URL

ACTS = ("restore", "fork", "prune", "erase")
FULL = """
CREATE FUNCTION full_disk() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
RAISE EXCEPTION 'could not extend file "base/16384/16397": No space left on device'
USING ERRCODE = '53100'; END $$;
"""


@pytest.fixture
def yard(postgresql_url: str, tmp_path: Path) -> Iterator[Yard]:
    yard = laid(LangGraphTables(), tmp_path / "place", f"sqlite:///{tmp_path}/trash.db")
    yield yard
    assert isinstance(yard.kind, LangGraphTables)
    bring_back(yard.kind.address)
    yard.kind.forget()


def address(yard: Yard) -> str:
    assert isinstance(yard.kind, LangGraphTables)
    return yard.kind.address


@pytest.mark.parametrize("name", ["restore", "fork"])
def test_a_full_disk_of_the_server_is_said_and_nothing_is_written(yard: Yard, name: str) -> None:
    act, before = yard.planned(name), yard.seen()
    execute(address(yard), FULL)
    execute(
        address(yard),
        "ALTER TABLE checkpoints ADD CONSTRAINT room CHECK (full_disk()) NOT VALID",
    )

    with pytest.raises(PermanentStoreError, match="its disk is full"):
        act()

    assert yard.seen() == before
    execute(address(yard), "ALTER TABLE checkpoints DROP CONSTRAINT room")
    act()
    act()
    assert yard.effects() == 1
    assert before.items() <= yard.seen().items()


@pytest.mark.parametrize("name", ACTS)
def test_an_operation_in_whose_middle_the_database_goes_is_done_once_when_it_is_back(
    yard: Yard, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, before = yard.planned(name), yard.seen()

    for at in (0, 1, 2):
        away = at_statement(monkeypatch, at, lambda: take_away(address(yard)))
        with away, suppress(CheckpointError):
            act()
        bring_back(address(yard))
    act()

    require_done(yard, name, before)


@pytest.mark.parametrize("name", ACTS)
def test_an_operation_whose_worker_is_killed_in_a_transaction_is_done_once_by_the_next(
    yard: Yard, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, before = yard.planned(name), yard.seen()

    for at in (0, 1, 2):
        child = os.fork()
        if child == 0:
            try:
                with at_statement(monkeypatch, at, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                    act()
            finally:
                os._exit(0)
        status = os.waitpid(child, 0)[1]
        assert at or os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    act()

    require_done(yard, name, before)


@contextmanager
def at_statement(
    monkeypatch: pytest.MonkeyPatch, at: int, strike: Callable[[], object]
) -> Iterator[None]:
    """Strike before one of the statements that change the tables."""
    real, left = Session.execute, [at]

    def execute(session: Session, *given: Any) -> int:
        left[0] -= 1
        if left[0] == -1:
            strike()
        return real(session, *given)

    with monkeypatch.context() as patched:
        patched.setattr(Session, "execute", execute)
        yield


def _named(url: str) -> sql.Identifier:
    return sql.Identifier(urlsplit(url).path.lstrip("/"))


def take_away(url: str) -> None:
    """End every connection to a database, and let none in."""
    with psycopg.connect(SERVER_URL, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(_named(url)))
        gone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        admin.execute(gone, [urlsplit(url).path.lstrip("/")])


def bring_back(url: str) -> None:
    """Let connections in again."""
    with psycopg.connect(SERVER_URL, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(_named(url)))


def require_done(yard: Yard, name: str, before: dict[tuple[str, str, str, str], str]) -> None:
    """See that an operation took effect once, and that nothing else is gone."""
    after = yard.seen()
    gone = {key[3] for key in before.keys() - after.keys() if not key[2]}
    if name == "erase":
        assert not any(key[:2] == yard.main for key in after)
    elif name == "prune":
        assert gone
        assert gone <= yard.in_trash()
    else:
        assert yard.effects() == 1
        assert before.items() <= after.items()
