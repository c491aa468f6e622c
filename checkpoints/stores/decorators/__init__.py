"""Stores around stores: trying again, falling back, caching."""

from typing import TYPE_CHECKING, Any

from checkpoints.stores.decorators.cached import CachedStore
from checkpoints.stores.decorators.fallback import FallbackStore
from checkpoints.stores.decorators.wrapping import WrappingStore

if TYPE_CHECKING:
    from checkpoints.stores.decorators.retrying import RetryingStore

__all__ = ["CachedStore", "FallbackStore", "RetryingStore", "WrappingStore"]


def __getattr__(name: str) -> Any:
    """Import what needs a library of its own only when it is asked for."""
    if name != "RetryingStore":
        raise AttributeError(name)
    from checkpoints.stores.decorators.retrying import RetryingStore

    return RetryingStore
