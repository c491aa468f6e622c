"""When removing happens: moments after the saves, for many of them at once."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from datetime import datetime

from checkpoints.forks import renew_in_children
from checkpoints.pruning.enforcing import Enforcer
from checkpoints.records import Checkpoint
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import Store

logger = logging.getLogger("checkpoints")

PAUSE_SECONDS = 0.25
"""How long saves gather before the next removal: one write then removes for many saves."""
LONGEST_PAUSE_SECONDS = 60.0
SHARE = 20
"""One part in so many of its time is what removing takes at most while saves go on."""


class Pruner:
    """Moves to the trash what the policy does not keep; it stays there for its grace.

    A thread of its own does it, moments after the saves; ``settle`` does it now. Nothing here
    raises or holds a save up. Without a policy nothing is removed; under one without rules, only
    what completed operations leave behind is.
    """

    def __init__(self, store: Store, policy: RetentionPolicy | None) -> None:
        self._store = store
        self._policy = policy
        self._held: set[str] = set()
        self._released: set[str] = set()
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take locks that no other thread of the parent holds, and leave its work to it."""
        self._lock = threading.Lock()
        self._working = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._enforcer = Enforcer(self._store, self._policy) if self._policy else None
        self._look_again = False
        self._saved: list[Checkpoint] = []
        self._now: datetime | None = None

    @property
    def idle(self) -> bool:
        """Whether there is no policy to carry out."""
        return self._policy is None

    def hold(self, checkpoint_id: str) -> None:
        """Keep a pre_operation checkpoint whatever the policy says, while its operation runs."""
        with self._lock:
            self._held.add(checkpoint_id)

    def release(self, checkpoint_id: str) -> None:
        """Let a pre_operation checkpoint go, at the next save after its operation succeeded."""
        with self._lock:
            self._held.discard(checkpoint_id)
            self._released.add(checkpoint_id)

    def look_again(self) -> None:
        """Read the thread anew at the next removal: others may have written to it."""
        self._look_again = True

    def saved(self, record: Checkpoint, now: datetime) -> None:
        """Take notice of a save, and have removed soon what may go at this time."""
        if self._policy is None or (self._policy.keeps_all and not self._released):
            return
        with self._lock:
            self._saved.append(record)
            self._now = now
            self._closed.clear()
            if self._thread is None:
                self._begin()

    def settle(self) -> None:
        """Remove before returning what may go after the saves so far."""
        with self._working:
            if self._enforcer is not None:
                self._enforce(self._enforcer)

    def close(self) -> None:
        """Remove what may go, and let the thread end."""
        self.settle()
        self._closed.set()

    def _enforce(self, enforcer: Enforcer) -> None:
        with self._lock:
            saved, self._saved = self._saved, []
            now, self._now = self._now, None
            held, released = frozenset(self._held), frozenset(self._released)
            look_again, self._look_again = self._look_again, False
        if look_again:
            enforcer.forget()
        if now is None:
            return
        gone = enforcer.enforce(saved, now, held=held, released=released)
        with self._lock:
            self._released -= gone

    def _begin(self) -> None:
        """Start the thread. It ends when no save has come for a while."""
        thread = threading.Thread(target=self._run, name="holdfast-pruner", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            logger.warning("retention waits for close() or another save: %s", error)
            return
        self._thread = thread
        atexit.register(self.settle)

    def _run(self) -> None:
        saves_go_on = True
        while saves_go_on:
            began = time.monotonic()
            self.settle()
            took = time.monotonic() - began
            self._closed.wait(min(max(PAUSE_SECONDS, took * SHARE), LONGEST_PAUSE_SECONDS))
            saves_go_on = not self._ended()

    def _ended(self) -> bool:
        with self._lock:
            if self._now is not None:
                return False
            self._thread = None
            atexit.unregister(self.settle)
        return True
