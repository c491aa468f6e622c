"""Prunes and erasures of tables that the real LangGraph saves into and goes on from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checkpoints import Trash, open_native_store
from checkpoints.testing import Erasures, Pruning
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors.test_langgraph_postgresql_operations import InTables


class InQuietTables(InTables):
    """Tables that no run has written to for a while."""

    @staticmethod
    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=10)

    @pytest.fixture
    def trash(self, tmp_path: Path) -> Iterator[Trash]:
        with closing(open_native_store(f"sqlite:///{tmp_path / 'trash.db'}")) as store:
            yield StoreTrash(store)


class TestPruning(InQuietTables, Pruning):
    pass


class TestErasures(InQuietTables, Erasures):
    pass
