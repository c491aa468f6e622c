"""Taking the steps of a chain, one at a time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

from checkpoints.loops.calling import Calls
from checkpoints.loops.chain.parts import Parts, accepted
from checkpoints.loops.chain.progress import ChainStep, Progress
from checkpoints.loops.chain.thoughts import Thought

S = ChainStep

ITERATIONS = "max_improvement_iterations"
"""A parameter that the chain understands itself."""


class Steps:
    """What is done in each step, and which follows.

    What a failing step had done by then stays in the progress: the context that was retrieved,
    the validators and critics that had answered are not asked again when it is retried.
    """

    def __init__(
        self, parts: Parts, calls: Calls, *, max_iterations: int, always_criticise: bool
    ) -> None:
        self._parts = parts
        self._calls = calls
        self._max_iterations = max_iterations
        self._always_criticise = always_criticise
        self._work: dict[ChainStep, Callable[[Progress], None]] = {
            S.RETRIEVAL: self._retrieve,
            S.GENERATION: self._generate,
            S.VALIDATION: self._validate,
            S.CRITICISM: self._criticise,
        }

    def take(self, progress: Progress, step: ChainStep) -> None:
        """Do the step and say which is next; its time counts also when it fails."""
        started = time.monotonic()
        try:
            self._work.get(step, _nothing)(progress)
        finally:
            progress.took(step, time.monotonic() - started)
        progress.values["current_step"] = str(step)
        self.move_past(progress, step)

    def move_past(self, progress: Progress, step: ChainStep) -> None:
        """Make what follows a step the next one; an improvement begins a new iteration."""
        limit = progress.parameters.get(ITERATIONS, self._max_iterations)
        following = self._after(step, progress.thought, limit)
        if following is S.GENERATION and step in {S.VALIDATION, S.CRITICISM}:
            thought = progress.thought
            again = dataclasses.replace(thought, iteration=thought.iteration + 1)
            progress.begin_iteration(again)
        progress.position = following

    def _after(self, step: ChainStep, thought: Thought, limit: int) -> ChainStep | None:
        match step:
            case S.INITIALIZATION:
                return S.PRE_RETRIEVAL if self._parts.retriever else S.GENERATION
            case S.VALIDATION:
                return self._after_validation(thought, limit)
            case S.CRITICISM:
                again = thought.objections and thought.iteration < limit
                return S.GENERATION if again else S.COMPLETE
            case S.COMPLETE:
                return None
            case _:
                return _NEXT[step]

    def _after_validation(self, thought: Thought, limit: int) -> ChainStep:
        satisfied = bool(self._parts.validators) and thought.passed
        if thought.iteration >= limit or (satisfied and not self._always_criticise):
            return S.COMPLETE
        if self._parts.critics:
            return S.PRE_CRITICISM
        return S.COMPLETE if thought.passed else S.GENERATION

    def _retrieve(self, progress: Progress) -> None:
        retriever, thought = self._parts.retriever, progress.thought
        if retriever is not None:
            found = self._calls(
                retriever, thought.prompt, **accepted(retriever, progress.parameters)
            )
            context = (found,) if isinstance(found, str) else tuple(str(text) for text in found)
            progress.begin_iteration(dataclasses.replace(thought, context=context))

    def _generate(self, progress: Progress) -> None:
        model, thought = self._parts.model, progress.thought
        question = self._parts.compose(thought)
        text = self._calls(model, question, **accepted(model, progress.parameters))
        if not isinstance(text, str):
            raise TypeError(f"the model must return a text, not {text!r}")
        progress.thought = dataclasses.replace(thought, text=text).unjudged()
        progress.forget_completed()

    def _validate(self, progress: Progress) -> None:
        if not progress.values["completed_validators"]:
            progress.thought = progress.thought.unjudged()
        self._ask_each(self._parts.validators, progress, "completed_validators", Thought.judged)

    def _criticise(self, progress: Progress) -> None:
        self._ask_each(self._parts.critics, progress, "completed_critics", Thought.criticised)

    def _ask_each(
        self,
        parts: Mapping[str, Callable[..., Any]],
        progress: Progress,
        completed: str,
        add: Callable[[Thought, object, str], Thought],
    ) -> None:
        """Ask those that have not answered yet, and note each answer as it comes."""
        done = progress.values[completed]
        for name in [name for name in parts if name not in done]:
            options = accepted(parts[name], progress.parameters)
            answer = self._calls(parts[name], progress.thought, **options)
            progress.thought = add(progress.thought, answer, name)
            done.append(name)


_NEXT = {
    S.PRE_RETRIEVAL: S.RETRIEVAL,
    S.RETRIEVAL: S.GENERATION,
    S.GENERATION: S.VALIDATION,
    S.PRE_CRITICISM: S.CRITICISM,
}


def _nothing(_progress: Progress) -> None:
    """Do nothing: the step is a checkpoint and no more."""
