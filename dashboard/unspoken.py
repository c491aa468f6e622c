"""Errors without what opened the store, whoever wrote their text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from dashboard.credentials import Credentials

HIDDEN = "[hidden]"
SHORTEST = 4
"""What is shorter would be found everywhere, and hiding it would give it away."""
_DEEPEST = 20


@contextmanager
def unspoken(credentials: Credentials) -> Iterator[None]:
    """Take passwords and keys out of any error that leaves, and out of those that led to it."""
    try:
        yield
    except Exception as error:
        hide(error, credentials)
        raise


def hide(error: BaseException | None, credentials: Credentials) -> None:
    """Take passwords and keys out of an error's text, and out of the texts of those behind it."""
    for _ in range(_DEEPEST):
        if error is None:
            return
        error.args = tuple(
            hidden(value, credentials) if isinstance(value, str) else value for value in error.args
        )
        error = error.__cause__ or error.__context__


def hidden(text: str, credentials: Credentials) -> str:
    """Return a text without any of the passwords and keys, as they are and as URLs quote them."""
    forms = {form for word in credentials.secrets for form in (word, quote(word, safe=""))}
    for word in sorted(forms, key=len, reverse=True):
        if len(word) >= SHORTEST:
            text = text.replace(word, HIDDEN)
    return text
