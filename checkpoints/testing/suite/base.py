"""What all parts of the suite begin with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from checkpoints.records import Directive
from checkpoints.stores.base import Store
from checkpoints.testing.samples import NOON

OpenStore = Callable[[], Store]


class StoreCase:
    """A store under test."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """Return a function that opens the store under test."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, open_store: OpenStore) -> Store:
        """An empty store."""
        return open_store()

    @staticmethod
    def restore(
        store: Store,
        target: str,
        *,
        operation_id: str,
        directive: Directive | None = None,
    ) -> Any:
        """Plan and carry out a restore."""
        plan = store.plan_restore(store.get(target))
        return store.restore(
            plan,
            written_ids=store.choose_ids(plan),
            operation_id=operation_id,
            reason="drift",
            now=NOON + timedelta(hours=1),
            directive=directive,
        )
