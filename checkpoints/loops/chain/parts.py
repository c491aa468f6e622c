"""The callables that a chain is made of."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from checkpoints.loops.chain.thoughts import Thought, compose


@dataclass(slots=True, kw_only=True)
class Parts:
    """What a chain calls; each may be a function, a coroutine function or a callable object.

    ``model`` takes the text that ``compose`` makes and returns a text; ``retriever`` takes the
    prompt and returns texts; validators and critics take the ``Thought``. Each is also given
    those of the chain's parameters that its signature names.
    """

    model: Callable[..., Any]
    retriever: Callable[..., Any] | None = None
    compose: Callable[[Thought], str] = compose
    validators: dict[str, Callable[..., Any]] = field(default_factory=dict)
    critics: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        callable_or_refused("model", self.model)
        if self.retriever is not None:
            callable_or_refused("retriever", self.retriever)

    def every(self) -> list[Callable[..., Any]]:
        """Return all callables that take parameters."""
        retriever = [self.retriever] if self.retriever is not None else []
        return [self.model, *retriever, *self.validators.values(), *self.critics.values()]


def callable_or_refused(role: str, part: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a chain can call. Raises TypeError for anything else."""
    if not callable(part):
        raise TypeError(
            f"a {role} must be callable, not {part!r}; give the function or the method that answers"
        )
    return part


def add_named(role: str, parts: dict[str, Callable[..., Any]], part: Callable[..., Any]) -> None:
    """Add a callable under its own name; a second one of that name is called name#2."""
    name = name_of(callable_or_refused(role, part))
    numbered = (f"{name}#{number}" for number in itertools.count(2))
    parts[next(each for each in itertools.chain([name], numbered) if each not in parts)] = part


def name_of(part: Callable[..., Any]) -> str:
    """Return what a person would call it."""
    return str(getattr(part, "name", None) or getattr(part, "__name__", type(part).__name__))


def accepted(part: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those parameters that a callable takes by name."""
    try:
        known = inspect.signature(part).parameters.values()
    except (TypeError, ValueError):
        return {}
    if any(each.kind is each.VAR_KEYWORD for each in known):
        return dict(parameters)
    names = {
        each.name for each in known if each.kind in {each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD}
    }
    return {name: value for name, value in parameters.items() if name in names}


def accepts_any(parts: Iterable[Callable[..., Any]], parameters: Mapping[str, Any]) -> bool:
    """Return whether one of the callables takes one of the parameters."""
    return any(accepted(part, parameters) for part in parts)
