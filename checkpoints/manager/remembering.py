"""What a thread remembers besides its checkpoints: effects, notes, resumes."""

from __future__ import annotations

from typing import Any

from checkpoints.manager.both import also_async
from checkpoints.manager.effects import Effects, PendingEffect
from checkpoints.manager.journal import OPERATION
from checkpoints.manager.resumes import ResumeStats
from checkpoints.manager.writing import ThreadWriter
from checkpoints.records import Effect, JournalEntry


class Remembering(ThreadWriter):
    """Keeps what was done outside, and tells what happened."""

    _effects: Effects

    @also_async
    def record_effect(self, name: str, key: str, result: Any = None) -> Effect:
        """Keep durably that something was done outside; the second time return the first.

        ``name`` and ``key`` make it the same: an order's number, a message's id. ``result`` may
        be anything that a state may hold.
        """
        effect, new = self._effects.record(name, key, result)
        if new:
            self._dashboard.done(effect)
        return effect

    def effect(self, name: str, key: str) -> PendingEffect:
        """Do something outside once, also over crashes and restores.

        ::

            with manager.effect("send_mail", key="order-17") as effect:
                if not effect.done and not (effect.uncertain and was_sent(17)):
                    effect.set_result(send_mail())

        ``uncertain`` says that an earlier run began it and did not tell how it ended: only the
        outside knows whether it was done.
        """
        return PendingEffect(self._effects, name, key, self._dashboard.done)

    @also_async
    def effects(self) -> list[Effect]:
        """Return what this thread did outside, in the order in which it was done."""
        return self._effects.all()

    @also_async
    def journal(self, kind: str = OPERATION, limit: int | None = 100) -> list[JournalEntry]:
        """Return the newest entries of the operation journal, oldest first.

        Vetoes, retries, restores, refreshes and saves that failed are noted there.
        """
        return self._journal.read(kind, limit)

    @also_async
    def resume_stats(self) -> ResumeStats:
        """Count how often this thread was resumed, and whether the runs went on to save."""
        return self._resumes.stats()

    def _new_effect(self, name: str, key: str, result: Any) -> Effect:
        with self._acting():
            self._look()
        return Effect(
            agent_id=self.agent_id,
            thread_id=self.thread_id,
            name=name,
            key=key,
            recorded_at=self._clock(),
            run_id=self.run_id,
            checkpoint_id=self._stands.now.head_id,
            result=result,
        )
