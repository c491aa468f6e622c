"""The published suite, over every store of Holdfast's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkpoints.stores.folder import store as files
from checkpoints.stores.memory import MemoryStore
from checkpoints.stores.sqlite import store as sqlite
from checkpoints.stores.urls import parse_url
from checkpoints.testing import OpenStore, StoreSuite


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        store = MemoryStore()
        return lambda: store


class TestSqliteStore(StoreSuite):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: sqlite.open_url(parse_url(f"sqlite:///{tmp_path}/deep/store.db"))


class TestFileStore(StoreSuite):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: files.open_url(parse_url(f"file:///{tmp_path}/deep/store"))
