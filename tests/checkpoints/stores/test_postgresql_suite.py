"""The published suite, over the PostgreSQL store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checkpoints.stores.postgresql import store as postgresql
from checkpoints.stores.postgresql.store import PostgresqlStore
from checkpoints.stores.urls import parse_url
from checkpoints.testing import OpenStore, StoreSuite


class TestPostgresqlStore(StoreSuite):
    @pytest.fixture
    def open_store(self, postgresql_url: str) -> Iterator[OpenStore]:
        opened: list[PostgresqlStore] = []

        def open_one() -> PostgresqlStore:
            opened.append(postgresql.open_url(parse_url(postgresql_url)))
            return opened[-1]

        yield open_one
        for store in opened:
            store.close()
