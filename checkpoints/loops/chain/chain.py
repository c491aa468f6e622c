"""A chain of named steps that is saved after each of them and can recover."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from checkpoints.errors import CorruptCheckpoint
from checkpoints.identifiers import new_id
from checkpoints.loops.calling import Calls
from checkpoints.loops.chain.execution import Execution
from checkpoints.loops.chain.history import Bottleneck, ChainCheckpoint, bottlenecks
from checkpoints.loops.chain.parts import Parts, add_named, callable_or_refused
from checkpoints.loops.chain.progress import Progress
from checkpoints.loops.chain.rescue import Rescue
from checkpoints.loops.chain.steps import Steps
from checkpoints.loops.chain.strategies import Strategies
from checkpoints.loops.chain.thoughts import Thought, compose
from checkpoints.loops.stopping import Stop, Stoppable
from checkpoints.manager import CheckpointManager
from checkpoints.manager.both import also_async
from checkpoints.records import Checkpoint, Directive
from checkpoints.recovery import (
    CircuitBreaker,
    RecoveryAction,
    RecoveryLimits,
    RecoveryManager,
)
from checkpoints.stores.base import Store
from checkpoints.stores.memory import MemoryStore

logger = logging.getLogger("checkpoints")


class Chain:
    """Generates a text and improves it: retrieval, generation, validation, criticism.

    ``model`` is any callable from a text to a text. ``checkpoint_storage`` is a store or a store
    URL, None for memory. A chain is a thread: ``chain_id`` names it for another process to resume.
    ``limits`` bound what ``run_with_recovery`` tries; ``sleep`` is how it waits
    between them, as long as nobody asks it to stop by default.

    Callables may be coroutine functions. ``await chain.run.aio()`` runs them on the caller's loop.
    """

    def __init__(  # noqa: PLR0913 - what a chain is made of, each by its name
        self,
        model: Callable[..., Any],
        *,
        prompt: str = "",
        retriever: Callable[..., Any] | None = None,
        checkpoint_storage: Store | str | None = None,
        max_improvement_iterations: int = 3,
        always_apply_critics: bool = False,
        chain_id: str | None = None,
        agent_id: str = "chain",
        compose: Callable[[Thought], str] = compose,
        limits: RecoveryLimits | None = None,
        manager: CheckpointManager | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.prompt = prompt
        self.manager = manager or CheckpointManager(
            agent_id,
            store=MemoryStore() if checkpoint_storage is None else checkpoint_storage,
            thread=chain_id or new_id(),
        )
        self.chain_id = self.manager.thread_id
        self.recovery = RecoveryManager(self.manager.store, agent_id=self.manager.agent_id)
        self._parts = Parts(model=model, retriever=retriever, compose=compose)
        self._calls = Calls()
        self._steps = Steps(
            self._parts,
            self._calls,
            max_iterations=max_improvement_iterations,
            always_criticise=always_apply_critics,
        )
        self._strategies = Strategies(self.manager, self._parts, self._steps)
        self._limits = limits
        self._sleep = sleep
        self._execution: Execution | None = None

    # -- what it is made of ---------------------------------------------------------------------

    def with_prompt(self, prompt: str) -> Self:
        """Set what the text is to be about."""
        self.prompt = prompt
        return self

    def with_retriever(self, retriever: Callable[..., Any]) -> Self:
        """Set where context for the prompt comes from."""
        self._parts.retriever = callable_or_refused("retriever", retriever)
        return self

    def validate_with(self, validator: Callable[..., Any]) -> Self:
        """Add a validator: from a Thought to a bool or a ValidationResult."""
        add_named("validator", self._parts.validators, validator)
        return self

    def improve_with(self, critic: Callable[..., Any]) -> Self:
        """Add a critic: from a Thought to a Feedback, one suggestion, or None."""
        add_named("critic", self._parts.critics, critic)
        return self

    # -- running --------------------------------------------------------------------------------

    @property
    def run(self) -> Stoppable[..., Thought]:
        """``run(*, stop=None)`` runs from the beginning, saving each step.

        An exception of a callable comes through as it is, after a recovery checkpoint. Between two
        steps a ``Stop`` can end it, then it raises Stopped; so does cancelling ``run.aio()``.
        """
        return Stoppable(self._run, signals=())

    @property
    def run_with_recovery(self) -> Stoppable[..., Thought]:
        """``run_with_recovery(*, stop=None)`` runs, or goes on from the head, and recovers.

        Suggestions are applied in their order, within ``limits``; when nothing is left, or a
        person is the best suggestion, the callable's own exception is raised with a note that says
        why. A chain that was completed for this prompt is not run again: its thought is returned.
        Between two steps, and while it waits, a ``Stop`` can end it as it ends ``run``.
        """
        return Stoppable(self._run_with_recovery, signals=())

    # -- recovering -----------------------------------------------------------------------------

    def get_recovery_suggestions(self, error: BaseException) -> list[RecoveryAction]:
        """Return ranked strategies for an exception of this chain."""
        position = self._execution.progress.position if self._execution else None
        step = None if position is None else str(position)
        return self.recovery.suggest(error, step=step, chain_id=self.chain_id)

    def _apply_recovery_action(self, action: RecoveryAction) -> bool:
        """Apply an action by hand; the next ``run_with_recovery`` goes on from there.

        Returns False, with nothing changed, when it cannot be applied: nothing has run yet, or
        no callable of the chain takes one of the parameters.
        """
        if self._execution is None:
            self._resume()
        return self._at_hand().apply(action)

    # -- looking back ---------------------------------------------------------------------------

    @also_async
    def get_checkpoint_history(self) -> list[ChainCheckpoint]:
        """Return the chain's checkpoints, oldest first; damaged ones are logged and left out."""
        read = (self._read(record) for record in reversed(self.manager.history()))
        return [checkpoint for checkpoint in read if checkpoint is not None]

    def get_performance_bottlenecks(self) -> list[Bottleneck]:
        """Return the steps that take a quarter of the chain's time or more, the slowest first."""
        history = self.get_checkpoint_history()
        return bottlenecks(history[-1].performance_data) if history else []

    def close(self) -> None:
        """Let go of the store."""
        self.manager.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- within ---------------------------------------------------------------------------------

    def _run(self, *, stop: Stop) -> Thought:
        with self._calls:
            return self._begin(self._fresh()).to_the_end(None, stop)

    def _run_with_recovery(self, *, stop: Stop) -> Thought:
        directive = self._resume()
        rescue = Rescue(
            self.recovery,
            CircuitBreaker(self._limits),
            self._strategies.apply,
            self._sleep or stop.wait,
        )
        execution = self._at_hand()
        execution.obey(directive, restored=True)
        with self._calls:
            return execution.to_the_end(rescue, stop)

    def _read(self, record: Checkpoint) -> ChainCheckpoint | None:
        try:
            return ChainCheckpoint.of(record, self.manager.load(record))
        except CorruptCheckpoint as error:
            logger.warning("a checkpoint of the chain cannot be read: %s", error)
            return None

    def _at_hand(self) -> Execution:
        return self._execution or self._begin(self._fresh())

    def _begin(self, progress: Progress) -> Execution:
        self._execution = Execution(self.manager, self._steps, self._strategies, progress)
        return self._execution

    def _fresh(self) -> Progress:
        return Progress.begin(self.chain_id, self.prompt)

    def _resume(self) -> Directive | None:
        """Take the head's progress if it is about this prompt, else begin anew."""
        state = self.manager.resume()
        progress = Progress.read(state) if state is not None else None
        if progress is None or progress.thought.prompt != self.prompt:
            self._begin(self._fresh())
            return None
        self._begin(progress)
        return self.manager.directive
