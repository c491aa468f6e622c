"""Carrying out in a loop what an operator left with the head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checkpoints.bodies.encoding import decode, encode
from checkpoints.loops.going_back import (
    before_step,
    is_done_by_the_restore,
    newest,
    sound_before_head,
)
from checkpoints.loops.state import LoopState
from checkpoints.manager import CheckpointManager
from checkpoints.records import Checkpoint, Directive, Strategy

Parameters = Mapping[str, Any]


class Obedience:
    """What each of the eight strategies means in a plain loop.

    ``before`` is the encoded state in which the newest cycle of this process began, None before
    the first.
    """

    def __init__(self, manager: CheckpointManager, state: LoopState) -> None:
        self._manager = manager
        self._state = state
        self._beginning = encode(state.values)
        self.before: bytes | None = None
        self._ways: dict[Strategy, Callable[[Parameters], None]] = {
            Strategy.RETRY_CURRENT_STEP: self._retry,
            Strategy.SKIP_TO_NEXT: lambda _: self._state.skip(),
            Strategy.RESTART_ITERATION: self._restart_iteration,
            Strategy.RESTART_FROM_GENERATION: self._restart_from_generation,
            Strategy.MODIFY_PARAMETERS: self._modify,
            Strategy.FULL_RESTART: self._restart,
            Strategy.RESTORE_CHECKPOINT: self._restore,
            Strategy.ESCALATE_TO_HUMAN: lambda _: None,
        }

    def obey(self, directive: Directive, *, restored: bool) -> None:
        """Carry it out; ``restored`` says that the head was moved along with it already.

        Raises CheckpointNotFound for a checkpoint that is not this thread's, CorruptCheckpoint
        for one that cannot be read.
        """
        spent = self._state.budget
        if not (restored and is_done_by_the_restore(directive)):
            self._ways[directive.strategy](directive.parameters)
        self._state.budget = spent.moved_to(self._state.values)
        self._state.begin_cycle()
        self.before = None

    def undo_cycle(self) -> None:
        """Take back what the newest cycle of this process changed, but for what it spent."""
        if self.before is not None:
            spent = self._state.budget
            self._adopt(decode(self.before))
            self._state.budget = spent.moved_to(self._state.values)

    def go_back_to(self, target: Checkpoint) -> None:
        """Make a checkpoint the head and its state the loop's."""
        spent = self._state.budget
        self._adopt(self._manager.restore_checkpoint(target))
        self._state.budget = spent.moved_to(self._state.values)

    def _adopt(self, values: dict[str, Any]) -> None:
        self._state.adopt(values)
        self._manager.state = self._state.values

    def _retry(self, _parameters: Parameters) -> None:
        self.undo_cycle()

    def _restart_iteration(self, _parameters: Parameters) -> None:
        now = self._state.iteration
        target = newest(self._manager, lambda record: (record.iteration or 0) < now)
        if target is None:
            self._restart({})
        else:
            self.go_back_to(target)

    def _restart_from_generation(self, parameters: Parameters) -> None:
        """Go back to before the step that produced the content, else undo the newest cycle."""
        target = before_step(self._manager, parameters.get("step_name", "generation"))
        if target is None:
            self.undo_cycle()
        else:
            self.go_back_to(target)

    def _modify(self, parameters: Parameters) -> None:
        self._state.parameters.update(parameters)
        if "limit_usd" in parameters:
            self._state.budget.cap(parameters["limit_usd"])

    def _restart(self, parameters: Parameters) -> None:
        self._adopt(decode(self._beginning))
        self._state.parameters.update(parameters)

    def _restore(self, parameters: Parameters) -> None:
        named = parameters.get("checkpoint_id")
        if named is not None:
            self._adopt(self._manager.restore_checkpoint(named))
            return
        target = sound_before_head(self._manager)
        if target is not None:
            self.go_back_to(target)
