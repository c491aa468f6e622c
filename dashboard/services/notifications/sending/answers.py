"""What came of handing a letter over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import quote, unquote

from dashboard.services.notifications.wording import HIDDEN, line

ANSWER_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether a letter was taken. ``is_final``: trying again would change nothing.

    ``wait`` is what the other side asks to wait at least.
    """

    taken: bool
    words: str
    status: int | None = None
    is_final: bool = False
    wait: timedelta | None = None

    @classmethod
    def refused(cls, words: str, status: int | None = None) -> Answer:
        """Return that it was not taken and will not be."""
        return cls(taken=False, words=words, status=status, is_final=True)

    @classmethod
    def failed(cls, words: str, status: int | None = None, wait: timedelta | None = None) -> Answer:
        """Return that it was not taken this time."""
        return cls(taken=False, words=words, status=status, wait=wait)


def without_secrets(answer: Answer, secrets: Iterable[str]) -> Answer:
    """Return an answer in which none of the secrets stands, on one line."""
    words = answer.words
    forms = {
        form for secret in secrets for form in (secret, quote(secret, safe=""), unquote(secret))
    }
    for form in sorted(forms, key=len, reverse=True):
        words = words.replace(form, HIDDEN)
    return replace(answer, words=line(words, ANSWER_CHARACTERS))
