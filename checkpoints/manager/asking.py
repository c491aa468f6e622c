"""Asking the hooks before a save: they may forbid it or change the state, and it says so."""

from __future__ import annotations

import logging
from dataclasses import replace

from checkpoints.bodies.encoding import encode
from checkpoints.errors import UnsupportedState
from checkpoints.hooks import HookEvent, HookManager, Outcome
from checkpoints.manager.journal import Journal
from checkpoints.manager.telling import Teller
from checkpoints.records import Draft, State

logger = logging.getLogger("checkpoints")


class Asker:
    """Asks an agent's before_save hooks and notes what they decided."""

    def __init__(self, hooks: HookManager, teller: Teller, journal: Journal) -> None:
        self._hooks = hooks
        self._teller = teller
        self._journal = journal

    def asked(self, draft: Draft, state: State) -> tuple[Draft, State]:
        """Return what the hooks leave of a save. Raises SaveVetoed.

        They are given a copy of the state's own fields. What they make of it and a store could not
        keep is left aside: a hook never fails a save.
        """
        if not self._hooks.wanted(HookEvent.BEFORE_SAVE):
            return draft, state
        outcome = self._teller.call(HookEvent.BEFORE_SAVE, about=draft, state=dict(state))
        if outcome.veto is not None:
            self._journal.note("vetoed", by=outcome.vetoed_by, reason=outcome.veto)
        outcome.raise_veto()
        if outcome.state is None or not self._changed(outcome, outcome.state):
            return draft, state
        metadata = {**draft.metadata, "changed_by": list(outcome.changed_by)}
        return replace(draft, metadata=metadata), outcome.state

    def _changed(self, outcome: Outcome, state: State) -> bool:
        """Say whether hooks changed the state, into one that a store takes."""
        if not outcome.changed_by:
            return False
        try:
            encode(dict(state))
        except UnsupportedState as error:
            hooks = ", ".join(outcome.changed_by)
            logger.warning("what %s made of the state cannot be kept: %s", hooks, error)
            self._journal.note("hook_left_aside", by=hooks, path=error.path)
            return False
        return True
