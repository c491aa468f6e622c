"""Threads that LangGraph's own EncryptedSerializer wrote: shown as encrypted, never damaged."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

import checkpoints
from checkpoints import Edit, lineage, open_native_store
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.retention import RetentionPolicy
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors import graphs, langgraph_tables

SECRET = "what nobody may read"


class Cipher:
    """AES with a key that only the agent has."""

    def __init__(self) -> None:
        self._key = AESGCM(b"k" * 32)

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        nonce = secrets.token_bytes(12)
        return "aes", nonce + self._key.encrypt(nonce, plaintext, None)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        assert ciphername == "aes"
        return self._key.decrypt(ciphertext[:12], ciphertext[12:], None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the agent keeps its thread, and everything that lies there."""

    store: Callable[[], Any]
    saver: Callable[[], AbstractContextManager[Any]]
    rows: Callable[[], Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return in_file(tmp_path / "own.sqlite")
    return in_tables(request.getfixturevalue("postgresql_url"))


def in_file(path: Path) -> Place:
    @contextmanager
    def saver() -> Iterator[SqliteSaver]:
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            yield SqliteSaver(connection, serde=EncryptedSerializer(Cipher()))

    def rows() -> list[set[tuple[Any, ...]]]:
        with closing(sqlite3.connect(path)) as connection:
            tables = ("checkpoints", "writes")
            return [set(connection.execute(f"SELECT * FROM {table}")) for table in tables]

    return Place(lambda: LangGraphSqliteStore(path, clock=later), saver, rows)


def in_tables(url: str) -> Place:
    @contextmanager
    def saver() -> Iterator[Any]:
        with langgraph_tables.saver(url) as opened:
            opened.serde = EncryptedSerializer(Cipher())
            yield opened

    return Place(
        lambda: langgraph_tables.opened(url, clock=later),
        saver,
        lambda: langgraph_tables.rows_of(url),
    )


def later() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=10)


@pytest.fixture
def store(place: Place) -> Iterator[Any]:
    with place.saver() as saver:
        graphs.counter(saver).invoke({"n": 0, "log": [SECRET]}, graphs.config("t"))
    with closing(place.store()) as opened:
        yield opened


@pytest.fixture
def trash(tmp_path: Path) -> Iterator[StoreTrash]:
    with closing(open_native_store(f"sqlite:///{tmp_path}/trash.db")) as native:
        yield StoreTrash(native)


def read(place: Place) -> tuple[Any, ...]:
    """Return what LangGraph reads of the thread with its key."""
    with place.saver() as saver:
        state = graphs.counter(saver).get_state(graphs.config("t"))
    return state.values, state.next, state.config["configurable"]["checkpoint_id"]


def test_it_is_listed_and_says_that_it_is_encrypted(store: Any) -> None:
    history = store.history(None, "t")
    assert len(history) == 8
    said = []
    for record in history:
        try:
            said.append(repr(store.load(record)))
        except checkpoints.CorruptCheckpoint as error:
            said.append(str(error))
    assert "aes" in said[0]
    assert SECRET not in "".join(said)
    assert [record.step for record in history] == [*range(6, -2, -1)]


def test_verifying_damages_nothing_and_finds_nothing_but_that(place: Place, store: Any) -> None:
    before = place.rows()
    assert {finding.kind for finding in store.verify()} <= {"encrypted"}
    assert place.rows() == before
    assert read(place)[0]["log"][0] == SECRET


def test_its_sizes_are_told_as_far_as_they_can_be(place: Place, store: Any) -> None:
    before = place.rows()
    assert sum(found.size for found in store.field_sizes(None, "t")) > 0
    assert place.rows() == before


def test_what_is_encrypted_is_not_edited(place: Place, store: Any) -> None:
    target, before = store.history(None, "t")[2], place.rows()
    edit = Edit(path=("log",), value=["another"])
    with pytest.raises((checkpoints.PlanRefused, checkpoints.CorruptCheckpoint), match="aes"):
        lineage.plan_fork(store, target, thread_id="new", edits=[edit])
    assert place.rows() == before


def test_a_body_that_is_encrypted_is_neither_restored_nor_rehearsed(tmp_path: Path) -> None:
    place = in_file(tmp_path / "own.sqlite")
    with place.saver() as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))
    before = place.rows()
    with closing(place.store()) as store:
        target = store.history(None, "t")[2]
        assert "encrypted" in target.damage
        for act in (store.plan_restore, lambda one: store.copy_for_rehearsal(one, tmp_path / "x")):
            with pytest.raises(checkpoints.CorruptCheckpoint, match="encrypted"):
                act(target)
    assert place.rows() == before


def test_values_that_are_encrypted_apart_from_the_body_are_restored_unread(
    postgresql_url: str,
) -> None:
    place = in_tables(postgresql_url)
    with place.saver() as saver:
        graph = graphs.counter(saver)
        graph.invoke({"n": 0, "log": [SECRET]}, graphs.config("t"))
        third = next(s for s in graph.get_state_history(graphs.config("t")) if s.values["n"] == 3)
    langgraph_tables.restore(postgresql_url, "t", third.config["configurable"]["checkpoint_id"])
    with place.saver() as saver:
        graph = graphs.counter(saver)
        state = graph.get_state(graphs.config("t"))
        assert (state.values, state.next) == (third.values, third.next)
        assert graph.invoke(None, graphs.config("t"))["n"] == 6


def test_what_goes_of_it_comes_back_byte_for_byte_and_the_head_reads_on(
    place: Place, store: Any, trash: StoreTrash
) -> None:
    before, held = read(place), place.rows()
    prune = lineage.plan_prune(store, None, "t", RetentionPolicy.keep_last(2), now=later())
    done = store.remove(prune, operation_id="op-1", now=later(), trash=trash)
    assert len(done.removed) == 6
    assert read(place) == before
    assert store.put_back(None, "t", done.removed, operation_id="op-1", trash=trash) == {}
    assert place.rows() == held
    assert read(place) == before
