"""Stores around stores: trying again, falling back, caching."""

from typing import TYPE_CHECKING, Any

from checkpoints.stores.decorators.cached import CachedStore
from checkpoints.stores.decorators.fallback import FallbackStore
from checkpoints.stores.decorators.telling import Fallback
from checkpoints.stores.decorators.wrapping import WrappingStore

if TYPE_CHECKING:
    from checkpoints.stores.decorators.retrying import Retry, RetryingStore

__all__ = ["CachedStore", "Fallback", "FallbackStore", "Retry", "RetryingStore", "WrappingStore"]


def __getattr__(name: str) -> Any:
    """Import what takes its time only when it is asked for."""
    if name not in ("Retry", "RetryingStore"):
        raise AttributeError(name)
    from checkpoints.stores.decorators import retrying

    return getattr(retrying, name)
