"""What a dashboard's answer means for what was sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from checkpoints.presentation import one_line


class Verdict(Enum):
    """What to do after a request.

    TAKEN: it is dealt with. LATER: the same request may go through. UNFIT: not in this form; fewer
    items may. HELPLESS: only a person can put it right, such as the address or the token.
    """

    TAKEN = auto()
    LATER = auto()
    UNFIT = auto()
    HELPLESS = auto()


MAX_QUOTED_CHARACTERS = 500
_HELPLESS = frozenset({401, 403, 404, 405, 407, 410})
_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, or why there is none (``status`` is None). ``retry_after`` is seconds."""

    status: int | None = None
    payload: dict[str, Any] | None = None
    retry_after: float | None = None
    problem: str = ""

    @property
    def verdict(self) -> Verdict:
        """What to do now. Success counts only when it speaks as a dashboard does."""
        if self.status is None or self.status >= 500 or self.status in _LATER:
            return Verdict.LATER
        if 200 <= self.status < 300:
            return Verdict.TAKEN if self._speaks() else Verdict.HELPLESS
        return Verdict.HELPLESS if self.status < 400 or self.status in _HELPLESS else Verdict.UNFIT

    @property
    def reason(self) -> str:
        """What the dashboard says of it, else its status."""
        detail = (self.payload or {}).get("detail")
        return quoted(detail) if detail else self.problem or f"it answered {self.status}"

    def _speaks(self) -> bool:
        return self.payload is not None and isinstance(self.payload.get("accepted"), int)


def quoted(detail: object) -> str:
    """Return what a dashboard says as a piece of one line of a log, whatever it holds."""
    return one_line(str(detail)[:MAX_QUOTED_CHARACTERS])
