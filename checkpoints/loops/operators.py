"""Doing in a running loop what operators want of it."""

from __future__ import annotations

import logging

from checkpoints.errors import CheckpointError, HeadMoved
from checkpoints.loops.going_back import follow, is_done_by_the_restore
from checkpoints.loops.state import LoopState
from checkpoints.loops.ways import Ways
from checkpoints.manager import CheckpointManager
from checkpoints.records import Checkpoint, Directive, Strategy

logger = logging.getLogger("checkpoints")


class Operators:
    """Carries out directives and follows restores; ``obeyed`` are the directives of this run.

    ``why_waiting`` says why the loop has to wait for a person, if an operator wants it to.
    """

    def __init__(self, manager: CheckpointManager, state: LoopState, ways: Ways) -> None:
        self._manager = manager
        self._state = state
        self._ways = ways
        self.obeyed: list[Directive] = []
        self.why_waiting: str | None = None

    def obey(self, directive: Directive, *, restored: bool) -> Checkpoint:
        """Carry a directive out and save that it was; ``restored`` says the head moved with it.

        One that cannot be carried out is noted on the timeline and does not end the agent.
        """
        logger.info("an operator's directive is carried out: %s", directive.strategy)
        self.obeyed.append(directive)
        note = {"strategy": str(directive.strategy), **directive.parameters}
        try:
            if not (restored and is_done_by_the_restore(directive)):
                self._ways.go(directive)
        except HeadMoved:
            raise
        except CheckpointError as error:
            logger.error("the directive was not carried out: %s", error)
            note["refused"] = str(error)
        if directive.strategy is Strategy.ESCALATE_TO_HUMAN:
            self.why_waiting = "directive: escalate_to_human"
        self._ways.before = None
        self._state.begin_cycle()
        return self._manager.create_checkpoint(**self._state.details(directive=note))

    def follow(self, error: HeadMoved) -> Checkpoint | None:
        """Go on from where an operator put the head. Raises ``error`` for a second writer."""
        self._ways.adopt(follow(self._manager, error))
        self._ways.before = None
        directive = self._manager.directive
        return None if directive is None else self.obey(directive, restored=True)
