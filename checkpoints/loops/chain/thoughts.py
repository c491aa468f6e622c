"""What a chain passes from step to step, and what validators and critics say of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """A validator's verdict; ``message`` says what is wrong when it did not pass."""

    passed: bool
    message: str = ""
    name: str = ""

    @classmethod
    def of(cls, answer: object, name: str) -> Self:
        """Read what a validator returned: a truth value, or a result. Raises TypeError."""
        if isinstance(answer, cls):
            return dataclasses.replace(answer, name=answer.name or name)
        if isinstance(answer, bool):
            return cls(passed=answer, name=name, message="" if answer else f"{name} did not pass")
        raise TypeError(
            f"validator {name} must return a bool or a ValidationResult, not {answer!r}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A critic's opinion; without ``suggestions`` there is nothing to improve.

    Raises TypeError for a text in place of several: its letters would be the suggestions.
    """

    suggestions: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        given: object = self.suggestions
        if isinstance(given, str):
            raise TypeError(f"suggestions is a tuple of texts, not the text {given!r}")

    @classmethod
    def of(cls, answer: object, name: str) -> Self:
        """Read what a critic returned: feedback, one suggestion, or None. Raises TypeError."""
        if isinstance(answer, cls):
            return dataclasses.replace(answer, name=answer.name or name)
        if answer is None or isinstance(answer, str):
            return cls(suggestions=(answer,) if answer else (), name=name)
        raise TypeError(f"critic {name} must return a Feedback, a text or None, not {answer!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """A prompt, the text that was generated for it, and what was said of that text."""

    prompt: str
    text: str = ""
    iteration: int = 0
    context: tuple[str, ...] = ()
    validation_results: tuple[ValidationResult, ...] = ()
    critic_feedback: tuple[Feedback, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no validator objects."""
        return all(result.passed for result in self.validation_results)

    @property
    def objections(self) -> list[str]:
        """What validators and critics want changed."""
        wrong = [r.message for r in self.validation_results if not r.passed and r.message]
        return wrong + [text for each in self.critic_feedback for text in each.suggestions]

    def unjudged(self) -> Self:
        """Return it without what was said of an earlier text."""
        return dataclasses.replace(self, validation_results=(), critic_feedback=())

    def judged(self, answer: object, name: str) -> Self:
        """Return it with what a validator answered. Raises TypeError."""
        results = (*self.validation_results, ValidationResult.of(answer, name))
        return dataclasses.replace(self, validation_results=results)

    def criticised(self, answer: object, name: str) -> Self:
        """Return it with what a critic answered. Raises TypeError."""
        said = (*self.critic_feedback, Feedback.of(answer, name))
        return dataclasses.replace(self, critic_feedback=said)

    def to_dict(self) -> dict[str, Any]:
        """Return it as values that a state may hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        results = tuple(ValidationResult(**each) for each in values["validation_results"])
        feedback = tuple(
            Feedback(name=each["name"], suggestions=tuple(each["suggestions"]))
            for each in values["critic_feedback"]
        )
        context = tuple(values["context"])
        read = {"validation_results": results, "critic_feedback": feedback, "context": context}
        return cls(**{**values, **read})


def compose(thought: Thought) -> str:
    """Return what the model is asked: the prompt, the context, and what to improve."""
    parts = [thought.prompt]
    if thought.context:
        parts.append("Context:\n" + "\n".join(thought.context))
    if thought.text:
        parts.append(f"The answer so far:\n{thought.text}")
        parts.append("Improve it:\n" + "\n".join(f"- {each}" for each in thought.objections))
    return "\n\n".join(parts)
