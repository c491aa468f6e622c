"""Ordered rules about errors: the first that fits decides."""

from typing import Final

from checkpoints.recovery.rules.channels import ACCESS, CONNECTIONS, LOOPS, TOOLS
from checkpoints.recovery.rules.machines import DATABASES, MACHINES, STATES
from checkpoints.recovery.rules.providers import CONVERSATIONS, LIMITS, REFUSALS
from checkpoints.recovery.rules.rule import Rule
from checkpoints.recovery.rules.types import GENERAL, TELLING

BY_WORDS: Final[tuple[Rule, ...]] = (
    *CONVERSATIONS,
    *LIMITS,
    *REFUSALS,
    *MACHINES,
    *DATABASES,
    *LOOPS,
    *TELLING,
    *STATES,
    *ACCESS,
    *CONNECTIONS,
    *TOOLS,
)
"""Rules that a message must fit, or a type that outweighs its message."""
BY_TYPE: Final = GENERAL
"""Rules by the type alone."""


__all__ = ["BY_TYPE", "BY_WORDS", "Rule"]
