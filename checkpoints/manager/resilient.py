"""The manager of the Resilient Checkpoint System, with what its document promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Unpack

from checkpoints.hooks import HookEvent
from checkpoints.manager.manager import CheckpointManager
from checkpoints.manager.opening import opened, own
from checkpoints.manager.settings import Settings
from checkpoints.retention import SEED_POLICY, RetentionPolicy
from checkpoints.stores.base import Store
from checkpoints.stores.urls import absolute_url

if TYPE_CHECKING:
    from checkpoints.stores.decorators import Fallback, Retry

SECONDS_BEFORE_FALLBACK = 5.0
"""How long a save is tried again before it goes to the fallback."""


class ResilientCheckpointManager(CheckpointManager):
    """``CheckpointManager`` with what the Resilient Checkpoint System promises.

    Transient errors of the store are tried again with growing, varied pauses; on_retry hooks and
    the operation journal hear of it. While the store cannot be saved into, ``fallback`` (a store
    or its URL) takes the saves, and they are replayed afterwards. Routine checkpoints: the last 3
    are kept; recovery: 7 days; pre_operation: until its operation completes.
    """

    default_retention: ClassVar[RetentionPolicy | None] = SEED_POLICY

    def __init__(
        self, agent_id: str, *, fallback: Store | str | None = None, **settings: Unpack[Settings]
    ) -> None:
        self._fallback = fallback
        super().__init__(agent_id, **settings)

    def _opened(self, store: Store | str | None) -> tuple[Store, list[Store]]:
        from checkpoints.stores.decorators import FallbackStore, RetryingStore

        primary = opened(store)
        if self._fallback is None:
            return RetryingStore(primary, on_retry=self._retried), own((store, primary))
        other = opened(self._fallback)
        _require_another(primary, other)
        both = FallbackStore(
            RetryingStore(primary, timeout=SECONDS_BEFORE_FALLBACK, on_retry=self._retried),
            other,
            on_fallback=self._fell_back,
        )
        return both, own((store, primary), (self._fallback, other))

    def _retried(self, retry: Retry) -> None:
        if retry.method != "record":  # what notes it would be retried and noted in turn
            self._journal.note(
                "retried", method=retry.method, attempt=retry.attempt, error=str(retry.error)
            )
        self._teller.call(HookEvent.ON_RETRY, step=self._stands.now.step, error=retry.error)

    def _fell_back(self, fallback: Fallback) -> None:
        if fallback.away:
            self._journal.note("fell_back", error=str(fallback.error))
        else:
            self._journal.note("came_back", replayed=fallback.checkpoints)


def _require_another(primary: Store, other: Store) -> None:
    """Raise ValueError where a store would have to take over from itself."""
    url = absolute_url(primary.url)
    shared = not url.startswith("memory:") and url == absolute_url(other.url)
    if other is primary or shared:
        raise ValueError(f"fallback is the store itself, {url}; give it one that lies elsewhere")
