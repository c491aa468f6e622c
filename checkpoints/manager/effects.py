"""What an agent does outside itself, remembered by a name and a key so that it is done once.

An effect has two entries in the store's journal: one written before it is done, one after. A run
that finds the first without the second cannot know whether the world has changed; it is told so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from checkpoints.manager.both import AlsoAsync, also_async
from checkpoints.records import EFFECT, EFFECT_STARTED, Effect, JournalEntry
from checkpoints.stores.base import Store

LONGEST_KEY = 200
NewEffect = Callable[[str, str, Any], Effect]
"""Makes an effect of a name, a key and a result: the manager knows the rest."""


class Effects:
    """The effects of one thread, in its store."""

    def __init__(self, store: Store, agent_id: str, thread_id: str, new: NewEffect) -> None:
        self._store = store
        self._agent_id = agent_id
        self._thread_id = thread_id
        self._new = new

    def record(self, name: str, key: str, result: Any) -> tuple[Effect, bool]:
        """Keep an effect durably; return it and whether it is new, or the first of this key."""
        effect = self._new(name, key, result)
        if self._store.record([_entry(EFFECT, effect)]):
            return effect, True
        return self.done(name, key) or effect, False

    def start(self, name: str, key: str) -> bool:
        """Note durably that an effect will be done now; return whether it is the first time."""
        return self._store.record([_entry(EFFECT_STARTED, self._new(name, key, None))]) > 0

    def drop(self, name: str, key: str) -> None:
        """Forget that an effect was started: it is certain that it was not done."""
        thread = self._agent_id, self._thread_id
        self._store.forget(*thread, kind=EFFECT_STARTED, keys=[_entry_key(name, key)])

    def done(self, name: str, key: str) -> Effect | None:
        """Return the effect of a name and key, if it was done."""
        wanted = _entry_key(name, key)
        entries = self._store.entries(self._agent_id, self._thread_id, kind=EFFECT, prefix=wanted)
        return next((effect_of(entry) for entry in entries if entry.key == wanted), None)

    def all(self) -> list[Effect]:
        """Return all, in the order in which they were done."""
        entries = self._store.entries(self._agent_id, self._thread_id, kind=EFFECT)
        return [effect_of(e) for e in sorted(entries, key=lambda entry: entry.recorded_at)]


class PendingEffect(AlsoAsync):
    """An effect around which something is done; see ``CheckpointManager.effect``.

    ``done`` says that it was done before, then ``result`` is what it brought; ``uncertain`` that
    an earlier run began it and never said how it ended.
    """

    def __init__(
        self, effects: Effects, name: str, key: str, told: Callable[[Effect], None]
    ) -> None:
        self._effects = effects
        self._told = told
        self.name = name
        self.key = key
        self.done = False
        self.uncertain = False
        self.result: Any = None
        self._not_done = False

    def set_result(self, result: Any) -> None:
        """Say what it brought: anything that a state may hold. Later runs read it."""
        self.result = result

    @also_async
    def not_done(self) -> None:
        """Say that it certainly was not done, so that the next run may simply do it."""
        self._not_done = True
        self._effects.drop(self.name, self.key)

    def __enter__(self) -> Self:
        before = self._effects.done(self.name, self.key)
        if before is None and not self._effects.start(self.name, self.key):
            before = self._effects.done(self.name, self.key)  # it may have ended meanwhile
            self.uncertain = before is None
        if before is not None:
            self.done, self.result = True, before.result
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None and not self.done and not self._not_done:
            effect, new = self._effects.record(self.name, self.key, self.result)
            self.done = True
            if new:
                self._told(effect)


def effect_of(entry: JournalEntry) -> Effect:
    """Return the effect that an entry of the journal keeps."""
    return Effect(
        agent_id=entry.agent_id,
        thread_id=entry.thread_id,
        name=entry.data["name"],
        key=entry.data["key"],
        recorded_at=entry.recorded_at,
        run_id=entry.data["run_id"],
        checkpoint_id=entry.checkpoint_id,
        result=entry.data["result"],
    )


def _entry(kind: str, effect: Effect) -> JournalEntry:
    return JournalEntry(
        agent_id=effect.agent_id,
        thread_id=effect.thread_id,
        kind=kind,
        key=_entry_key(effect.name, effect.key),
        recorded_at=effect.recorded_at,
        checkpoint_id=effect.checkpoint_id,
        data={
            "name": effect.name,
            "key": effect.key,
            "run_id": effect.run_id,
            "result": effect.result,
        },
    )


def _entry_key(name: str, key: str) -> str:
    """Return what tells effects apart; a long one stands as its digest, for stores with limits."""
    text = f"{quote(name, safe='')}:{key}"
    if len(text) <= LONGEST_KEY:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
