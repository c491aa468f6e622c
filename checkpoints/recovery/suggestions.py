"""Ranking what may bring a failed run back, with a confidence that is counted, never made up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypedDict

from checkpoints.records import Strategy
from checkpoints.recovery.classes import ErrorName
from checkpoints.recovery.confidence import Confidence, Experience, Trying
from checkpoints.recovery.failures import Failure

_CLASSES: Final = frozenset(ErrorName)
_STRATEGIES: Final = frozenset(Strategy)
_DESCRIPTIONS: Final[Mapping[Strategy, str]] = {
    Strategy.RETRY_CURRENT_STEP: "Retry {step} with the same parameters",
    Strategy.SKIP_TO_NEXT: "Skip {step} and go on with what follows",
    Strategy.RESTART_ITERATION: "Restart the iteration in which {step} failed",
    Strategy.RESTART_FROM_GENERATION: "Generate again, then go on to {step}",
    Strategy.MODIFY_PARAMETERS: "Change the parameters, then retry {step}",
    Strategy.FULL_RESTART: "Restart everything from the beginning",
    Strategy.RESTORE_CHECKPOINT: "Go back to the newest sound checkpoint before {step}",
    Strategy.ESCALATE_TO_HUMAN: "Ask a person",
}

_PARAMETERS: Final[Mapping[ErrorName, Mapping[str, Any]]] = {
    ErrorName.TIMEOUT: {"timeout_factor": 2.0},
    ErrorName.RATE_LIMIT: {"concurrency": 1},
    ErrorName.MEMORY_OOM: {"batch_size_factor": 0.5},
    ErrorName.CONTEXT_LENGTH: {"max_context_factor": 0.5},
    ErrorName.OUTPUT_VALIDATION: {"temperature": 0.0},
}
"""What ``modify_parameters`` proposes; whoever runs the agent gives the words a meaning."""


class Outcome(StrEnum):
    """What became of an applied suggestion."""

    RECOVERED = "recovered"
    RECURRED = "recurred"
    FAILED = "failed"
    UNKNOWN = "unknown"


class RecoveryEvent(TypedDict):
    """One applied suggestion and what became of it; times are ISO 8601 in UTC."""

    agent_id: str
    chain_id: str
    action: str
    error_type: str
    error_class: str
    step: str | None
    outcome: str
    recovered: bool | None
    confidence: float
    fingerprint: str
    recorded_at: str
    checkpoint_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryAction:
    """A strategy to bring a failed run back.

    ``confidence`` (0 to 1) is the posterior mean of its success and ``interval`` holds 80 % of
    the belief; ``basis`` says over how many outcomes, so that an opinion is not taken for a
    measurement.
    """

    strategy: Strategy
    description: str
    confidence: float
    interval: tuple[float, float] = (0.0, 1.0)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    basis: str = ""


def suggest(
    failure: Failure,
    history: Sequence[RecoveryEvent] = (),
    *,
    excluded: Collection[Strategy] = (),
    agent_id: str = "",
) -> list[RecoveryAction]:
    """Return strategies for a failure, the most hopeful first, ``excluded`` ones left out.

    They are those that an expert names for the failure's class and those that ``history``, oldest
    first, knows to have been tried against it. They are ranked by the upper end of their
    confidence's interval, so that what was hardly tried gets its chance. Outcomes that nobody
    knows count for nothing.
    """
    experience = Experience.of(_tryings(history))
    advised = failure.error_class.strategies
    tried = [s for s in experience.tried(failure.error_class.name) if s not in advised]
    actions = [
        _action(failure, strategy, experience.confidence(failure.error_class, strategy, agent_id))
        for strategy in (*advised, *tried)
        if strategy not in excluded
    ]
    return sorted(actions, key=lambda action: -action.interval[1])


def _action(failure: Failure, strategy: Strategy, confidence: Confidence) -> RecoveryAction:
    modifies = strategy is Strategy.MODIFY_PARAMETERS
    return RecoveryAction(
        strategy=strategy,
        description=_DESCRIPTIONS[strategy].format(step=failure.step or "the step"),
        confidence=confidence.mean,
        interval=(confidence.low, confidence.high),
        parameters=dict(_PARAMETERS.get(failure.error_class.name, {})) if modifies else {},
        basis=f"{confidence}; {failure.error_class}: {failure.error_class.why}",
    )


def _tryings(history: Iterable[RecoveryEvent]) -> Iterator[Trying]:
    """Yield the outcomes that are known; a class or strategy of another version is passed over."""
    for event in history:
        known = event["error_class"] in _CLASSES and event["action"] in _STRATEGIES
        if known and event["recovered"] is not None:
            yield Trying(
                error=ErrorName(event["error_class"]),
                strategy=Strategy(event["action"]),
                agent_id=event["agent_id"],
                recovered=event["recovered"],
            )
