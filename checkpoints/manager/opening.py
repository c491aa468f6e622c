"""From what a manager is given to the store that it saves into."""

from __future__ import annotations

import os

from checkpoints.stores.base import Store
from checkpoints.stores.urls import open_native_store

DEFAULT_STORE = "sqlite:///.holdfast/holdfast.db"


def own(*given: tuple[Store | str | None, Store]) -> list[Store]:
    """Return those of the stores that were opened here: they were given by URL, or not at all."""
    return [store for asked, store in given if asked is None or isinstance(asked, str)]


def opened(store: Store | str | None) -> Store:
    """Return a store that agents save into; None stands for HOLDFAST_STORE or the default.

    Raises TypeError for what is neither a store that saves nor a URL, PermanentStoreError for the
    URL of another framework's store.
    """
    if store is not None and not isinstance(store, str):
        if not hasattr(store, "put"):
            raise TypeError(f"store is a store to save into or its URL, not {store!r}")
        return store
    return open_native_store(store or os.environ.get("HOLDFAST_STORE") or DEFAULT_STORE)
