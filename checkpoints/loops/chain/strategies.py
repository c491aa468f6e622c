"""What each strategy means in a chain that stopped before a step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from checkpoints.errors import CheckpointError
from checkpoints.loops.chain.parts import Parts, accepts_any
from checkpoints.loops.chain.progress import ChainStep, Progress
from checkpoints.loops.chain.steps import ITERATIONS, Steps
from checkpoints.loops.chain.thoughts import Thought
from checkpoints.loops.going_back import newest
from checkpoints.loops.parameters import is_amount, meaningful
from checkpoints.manager import CheckpointManager
from checkpoints.records import Checkpoint, Kind, Strategy
from checkpoints.recovery import RecoveryAction

S = ChainStep
_CANNOT_BE_SKIPPED = {S.INITIALIZATION, S.COMPLETE}

CONTEXT_FACTOR = "max_context_factor"
"""A parameter that the chain understands itself: the share of the context that stays."""
_MEANINGS = {CONTEXT_FACTOR: is_amount, ITERATIONS: is_amount}


class Strategies:
    """Applies recovery actions to a progress; each says whether there was something to do."""

    def __init__(self, manager: CheckpointManager, parts: Parts, steps: Steps) -> None:
        self._manager = manager
        self._parts = parts
        self._steps = steps
        self._returned_to: set[str] = set()
        self._ways: dict[Strategy, Callable[[Progress, RecoveryAction], bool]] = {
            Strategy.RETRY_CURRENT_STEP: lambda progress, _: progress.position is not None,
            Strategy.SKIP_TO_NEXT: self._skip,
            Strategy.RESTART_ITERATION: self._restart_iteration,
            Strategy.RESTART_FROM_GENERATION: self._restart_from_generation,
            Strategy.MODIFY_PARAMETERS: self._modify,
            Strategy.FULL_RESTART: self._restart,
            Strategy.RESTORE_CHECKPOINT: self._restore,
            Strategy.ESCALATE_TO_HUMAN: lambda _progress, _action: False,
        }

    def apply(self, progress: Progress, action: RecoveryAction) -> bool:
        """Change the progress as the action says; False, with nothing changed, if it cannot be."""
        return self._ways[action.strategy](progress, action)

    def _skip(self, progress: Progress, _action: RecoveryAction) -> bool:
        step, text = progress.position, progress.thought.text
        if step is None or step in _CANNOT_BE_SKIPPED or (step is S.GENERATION and not text):
            return False
        self._steps.move_past(progress, step)
        return True

    def _restart_iteration(self, progress: Progress, _action: RecoveryAction) -> bool:
        if progress.thought.iteration == 0:
            return self._restart(progress, _action)
        progress.begin_iteration(Thought.from_dict(progress.values["iteration_start"]))
        progress.position = S.GENERATION
        return True

    def _restart_from_generation(self, progress: Progress, _action: RecoveryAction) -> bool:
        """Generate again; what validators said against the text goes into the question."""
        if not progress.thought.text and progress.position is not S.GENERATION:
            return False
        progress.forget_completed()
        progress.position = S.GENERATION
        return True

    def _modify(self, progress: Progress, action: RecoveryAction) -> bool:
        given = meaningful(action.parameters, _MEANINGS)
        factor = given.pop(CONTEXT_FACTOR, None)
        shortened = factor is not None and self._shorten_context(progress, factor)
        understood = ITERATIONS in given or accepts_any(self._parts.every(), given)
        if understood:
            progress.parameters.update(given)
        return shortened or understood

    def _shorten_context(self, progress: Progress, factor: float) -> bool:
        thought = progress.thought
        kept = thought.context[: int(len(thought.context) * factor)]
        progress.thought = dataclasses.replace(thought, context=kept)
        return len(kept) < len(thought.context)

    def _restart(self, progress: Progress, _action: RecoveryAction) -> bool:
        values = progress.values
        fresh = Progress.begin(values["chain_id"], progress.thought.prompt, progress.parameters)
        values.update({**fresh.values, "performance_data": values["performance_data"]})
        return True

    def _restore(self, progress: Progress, action: RecoveryAction) -> bool:
        """Go back to the checkpoint that is named, else to the newest sound one not tried yet."""
        named = action.parameters.get("checkpoint_id")
        target = named or newest(self._manager, self._worth_a_return)
        if target is None:
            return False
        self._returned_to.add(str(target))
        performance = progress.values["performance_data"]
        progress.values = self._manager.restore_checkpoint(target)
        progress.values["performance_data"] = performance
        return True

    def _worth_a_return(self, record: Checkpoint) -> bool:
        if record.kind is not Kind.ROUTINE or record.id in self._returned_to:
            return False
        try:
            self._manager.load(record)
        except CheckpointError:
            return False
        return True
