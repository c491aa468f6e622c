"""What each of the eight strategies does to a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checkpoints.bodies.encoding import decode, encode
from checkpoints.loops.going_back import before_step, newest, sound_before_head
from checkpoints.loops.parameters import is_limit, meaningful
from checkpoints.loops.state import LoopState
from checkpoints.manager import CheckpointManager
from checkpoints.records import Checkpoint, Directive, Strategy

Parameters = Mapping[str, Any]


class Ways:
    """Takes a loop's state back and forth, without giving back what was spent.

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

    def go(self, directive: Directive) -> None:
        """Do what a directive says.

        Raises CheckpointNotFound for a checkpoint that is not this thread's, CorruptCheckpoint
        for one that cannot be read; then nothing was changed.
        """
        self._ways[directive.strategy](directive.parameters)

    def undo_cycle(self) -> None:
        """Take back what the newest cycle of this process changed, but for what it spent."""
        if self.before is not None:
            self.adopt(decode(self.before))

    def go_back_to(self, target: Checkpoint | str) -> None:
        """Make a checkpoint the head and its state the loop's."""
        self.adopt(self._manager.restore_checkpoint(target))

    def adopt(self, values: dict[str, Any]) -> None:
        """Go on with other values, but with what has been spent until now."""
        spent = self._state.budget
        self._state.adopt(values)
        self._state.budget = spent.moved_to(self._state.values)
        self._manager.state = self._state.values

    def _retry(self, _parameters: Parameters) -> None:
        self.undo_cycle()

    def _restart_iteration(self, _parameters: Parameters) -> None:
        now = self._state.iteration
        target = newest(self._manager, lambda r: r.iteration is not None and r.iteration < now)
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
        given = meaningful(parameters, _MEANINGS)
        self._state.parameters.update(given)
        if "limit_usd" in given:
            self._state.budget.cap(given["limit_usd"])

    def _restart(self, parameters: Parameters) -> None:
        self.adopt(decode(self._beginning))
        self._modify(parameters)

    def _restore(self, parameters: Parameters) -> None:
        named = parameters.get("checkpoint_id")
        target = sound_before_head(self._manager) if named is None else named
        if target is not None:
            self.go_back_to(target)


_MEANINGS = {"limit_usd": is_limit, "max_cycles": is_limit}
