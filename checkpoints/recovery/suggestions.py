"""Ranking what may bring a failed run back, with a confidence that is counted, never made up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypedDict

from checkpoints.records import Strategy
from checkpoints.recovery.classes import ErrorClass, ErrorName
from checkpoints.recovery.failures import Failure

PRIOR_OUTCOMES: Final = 2.0
"""How many outcomes the expert's order weighs as much as."""

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

    ``confidence`` (0 to 1) is the posterior mean of its success; ``basis`` says over how many
    outcomes, so that an opinion is not taken for a measurement.
    """

    strategy: Strategy
    description: str
    confidence: float
    parameters: Mapping[str, Any] = field(default_factory=dict)
    basis: str = ""


def suggest(
    failure: Failure,
    history: Sequence[RecoveryEvent] = (),
    *,
    excluded: Collection[Strategy] = (),
) -> list[RecoveryAction]:
    """Return strategies for a failure, the most hopeful first, ``excluded`` ones left out.

    The confidence of a strategy is the mean of a Beta posterior. Its prior is the expert's order
    of the strategies for the failure's class (``ErrorClass.strategies``): of n strategies the k-th
    is given (n + 1 - k) / (n + 1), which states an order and no measurement, and weighs as much
    as ``PRIOR_OUTCOMES`` outcomes. To it come the outcomes that ``history`` holds for the same
    class and strategy: recovered counts for it, recurred and failed against, unknown not at all.
    """
    order = _order(failure.error_class, history)
    allowed = [item for item in order if item[0] not in excluded]
    actions = [_action(failure, strategy, prior, history) for strategy, prior in allowed]
    return sorted(actions, key=lambda action: -action.confidence)


def _order(
    error_class: ErrorClass, history: Iterable[RecoveryEvent]
) -> list[tuple[Strategy, float]]:
    """Return the strategies to look at with their prior means; tried ones join as the last."""
    advised = error_class.strategies
    rank = len(advised) + 1
    tried = {
        Strategy(event["action"]) for event in history if event["error_class"] == error_class.name
    }
    priors = [(strategy, (rank - k) / rank) for k, strategy in enumerate(advised, 1)]
    return priors + [
        (strategy, 1 / rank) for strategy in Strategy if strategy in tried - {*advised}
    ]


def _action(
    failure: Failure, strategy: Strategy, prior: float, history: Sequence[RecoveryEvent]
) -> RecoveryAction:
    good, bad = _counts(failure.error_class, strategy, history)
    modifies = strategy is Strategy.MODIFY_PARAMETERS
    outcomes = f"{good} of {good + bad} such failures recovered" if good + bad else "no outcome yet"
    return RecoveryAction(
        strategy=strategy,
        description=_DESCRIPTIONS[strategy].format(step=failure.step or "the step"),
        confidence=(PRIOR_OUTCOMES * prior + good) / (PRIOR_OUTCOMES + good + bad),
        parameters=dict(_PARAMETERS.get(failure.error_class.name, {})) if modifies else {},
        basis=f"{outcomes}; {failure.error_class}: {failure.error_class.why}",
    )


def _counts(
    error_class: ErrorClass, strategy: Strategy, history: Iterable[RecoveryEvent]
) -> tuple[int, int]:
    outcomes = [
        Outcome(event["outcome"])
        for event in history
        if event["error_class"] == error_class.name and event["action"] == strategy
    ]
    good = outcomes.count(Outcome.RECOVERED)
    return good, outcomes.count(Outcome.RECURRED) + outcomes.count(Outcome.FAILED)
