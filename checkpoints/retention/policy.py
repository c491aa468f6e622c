"""What a user may ask to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from checkpoints.records import Kind

_NUMBERS = ("newest", "hourly", "daily", "weekly", "monthly", "max_bytes")

GRACE = timedelta(days=7)
"""How long a removed checkpoint stays in the trash before it is deleted for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """What to keep of one thread of one agent.

    ``last`` keeps the newest N of a kind, ``within`` those of a kind that are younger than an age;
    ``newest`` keeps the newest N of the thread, whatever their kind. ``hourly``, ``daily``,
    ``weekly`` and ``monthly`` keep the newest of each of the last N hours, days, ISO weeks and
    months (in UTC) in which there are any. What one rule keeps stays, whatever the others say; a
    kind that no rule names stays too. Rules without a kind name every kind.

    ``max_bytes`` comes last and overrules them: the oldest go until what is stored of the thread
    fits. Of unknown sizes nothing is counted, and what stands on a removed checkpoint grows a
    little when the trash is swept.

    The head, pins and what a running operation may have to go back to stay in any case; who plans
    names them. Ancestors of what stays need no rule, nor do the points where threads branch: a
    store writes anew what stands on a removed checkpoint before that one is deleted.

    Raises ValueError for a number that is not above 0 (0 of a kind may be kept), TypeError for
    what is no number or age.
    """

    last: Mapping[Kind, int] = field(default_factory=dict)
    within: Mapping[Kind, timedelta] = field(default_factory=dict)
    newest: int | None = None
    hourly: int | None = None
    daily: int | None = None
    weekly: int | None = None
    monthly: int | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        for kind, count in self.last.items():
            _check_number(f"last[{Kind(kind)}]", count, at_least=0)
        for kind, age in self.within.items():
            _check_age(f"within[{Kind(kind)}]", age)
        for name in _NUMBERS:
            count = getattr(self, name)
            if count is not None:
                _check_number(name, count, at_least=1)

    @property
    def keeps_all(self) -> bool:
        """Whether it has no rule, so that only what completed operations leave behind goes."""
        return self == type(self)()

    def to_dict(self) -> dict[str, Any]:
        """Return the rules that are set as JSON types; ages in seconds."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return {
            "last": {str(kind): count for kind, count in self.last.items()},
            "within": {str(kind): age.total_seconds() for kind, age in self.within.items()},
            **{name: number for name, number in numbers.items() if number is not None},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a policy from :meth:`to_dict`. Raises ValueError, TypeError."""
        unknown = sorted(set(values) - {"last", "within", *_NUMBERS})
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no rule of a retention policy")
        ages = values.get("within", {})
        return cls(
            last={Kind(kind): count for kind, count in values.get("last", {}).items()},
            within={Kind(kind): timedelta(seconds=age) for kind, age in ages.items()},
            **{name: values[name] for name in _NUMBERS if name in values},
        )

    @classmethod
    def keep_last(cls, count: int) -> Self:
        """Keep the newest ``count`` of a thread, whatever their kind: a ``retention_count``."""
        return cls(newest=count)


def _check_number(name: str, value: int, *, at_least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    if value < at_least:
        raise ValueError(f"{name} is a whole number from {at_least} on, not {value!r}")


def _check_age(name: str, value: timedelta) -> None:
    if not isinstance(value, timedelta):
        raise TypeError(f"{name} is a timedelta, not {value!r}")
    if value <= timedelta(0):
        raise ValueError(f"{name} is an age above 0, not {value}")


SEED_POLICY = RetentionPolicy(last={Kind.ROUTINE: 3}, within={Kind.RECOVERY: timedelta(days=7)})
"""What the Resilient Checkpoint System promises: routine 3, recovery 7 days, pre_operation until
its operation completes."""
