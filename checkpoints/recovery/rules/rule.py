"""One rule: what an error's message says, what its type is named, and the class that follows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from checkpoints.recovery.classes import ErrorName


@dataclass(frozen=True, slots=True)
class Rule:
    """Holds where ``says`` is found in the message and ``named`` in the type's name.

    One of them may be missing, not both.
    """

    found: ErrorName
    says: re.Pattern[str] | None
    named: re.Pattern[str] | None

    def fits(self, error_type: str, message: str) -> bool:
        """Whether the error is of this rule's class."""
        if self.says and not self.says.search(message):
            return False
        return self.named is None or self.named.search(error_type) is not None


def rule(found: ErrorName, *says: str, named: Sequence[str] = ()) -> Rule:
    """Compile a rule: one of ``says`` is found in the message, one of ``named`` in the type.

    Raises ValueError for a rule that asks for nothing, re.error for a bad pattern.
    """
    if not says and not named:
        raise ValueError(f"a rule for {found} needs a message or a type")
    return Rule(found, _any_of(says), _any_of(named))


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None
