"""The published suite, over stores that stand before others."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkpoints.stores.base import DeepVerifiable, RepairableStore, Store
from checkpoints.stores.decorators.cached import CachedStore
from checkpoints.stores.decorators.fallback import FallbackStore
from checkpoints.stores.decorators.retrying import RetryingStore
from checkpoints.stores.decorators.wrapping import WrappingStore
from checkpoints.stores.folder import store as files
from checkpoints.stores.memory import MemoryStore
from checkpoints.stores.sqlite import store as sqlite
from checkpoints.stores.urls import parse_url
from checkpoints.testing import FaultyStore, OpenStore, StoreSuite, save_chain


def sqlite_store(folder: Path, name: str = "store") -> Store:
    return sqlite.open_url(parse_url(f"sqlite:///{folder}/{name}.db"))


def file_store(folder: Path) -> Store:
    return files.open_url(parse_url(f"file:///{folder}/aside"))


class TestRetryingMemory(StoreSuite):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        store = MemoryStore()
        return lambda: RetryingStore(store)


class TestRetryingSqlite(StoreSuite):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: RetryingStore(sqlite_store(tmp_path))


class TestCachedMemory(StoreSuite):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        store = MemoryStore()
        return lambda: CachedStore(store)


class TestCachedSqlite(StoreSuite):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: CachedStore(sqlite_store(tmp_path))


class TestCachedSqliteShared(StoreSuite):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        store = CachedStore(sqlite_store(tmp_path))
        return lambda: store


class TestFallbackMemory(StoreSuite):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        primary, other = MemoryStore(), MemoryStore()
        return lambda: FallbackStore(primary, other)


class TestFallbackSqlite(StoreSuite):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: FallbackStore(sqlite_store(tmp_path), file_store(tmp_path))


class TestAllOfThem(StoreSuite):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: RetryingStore(
            FallbackStore(CachedStore(sqlite_store(tmp_path)), file_store(tmp_path))
        )


class TestFaultyWithoutFaults(StoreSuite):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        store = MemoryStore()
        return lambda: FaultyStore(store)


def all_of_them(folder: Path) -> tuple[FaultyStore, FaultyStore, Store]:
    home, aside = FaultyStore(sqlite_store(folder)), FaultyStore(file_store(folder))
    return home, aside, RetryingStore(FallbackStore(CachedStore(home), aside))


def test_the_url_is_that_of_the_primary(tmp_path: Path) -> None:
    home, _, store = all_of_them(tmp_path)
    assert store.url == home.url


def test_capabilities_are_those_of_the_primary(tmp_path: Path) -> None:
    home, _, store = all_of_them(tmp_path)
    assert store.capabilities == home.capabilities


def test_closing_closes_every_store_that_is_wrapped(tmp_path: Path) -> None:
    home, aside, store = all_of_them(tmp_path)
    store.close()
    assert (home.calls["close"], aside.calls["close"]) == (1, 1)


def test_what_a_store_offers_besides_is_offered_by_its_decorators(tmp_path: Path) -> None:
    _, _, store = all_of_them(tmp_path)
    save_chain(store, 2)
    assert isinstance(store, RepairableStore)
    assert isinstance(store, DeepVerifiable)
    assert list(store.verify_deep()) == []


class _KeepsTheProtocolOnly(WrappingStore):
    def __init__(self, store: Store) -> None:
        self._store, self.url = store, store.url


def test_what_a_store_does_not_offer_its_decorators_do_not() -> None:
    bare = _KeepsTheProtocolOnly(MemoryStore())
    for store in (RetryingStore(bare), CachedStore(bare), FallbackStore(bare, MemoryStore())):
        assert not isinstance(store, RepairableStore)
        assert not isinstance(store, DeepVerifiable)
