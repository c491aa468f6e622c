"""One error, as far as recovery looks at it."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import Any, Final, Self

from checkpoints.recovery.classes import ErrorClass
from checkpoints.recovery.classification import classify, shortened

MOST_CAUSES: Final = 5
"""Exceptions beneath the one that was raised whose words are looked at."""
_SAYS_NOTHING_OF_VALUES: Final = re.compile(r"0x[0-9a-f]+|\d+|'[^']*'|\"[^\"]*\"", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One error, as far as recovery looks at it.

    ``fingerprint`` is the same for errors that differ only in numbers and quoted values: 16 hex
    digits of the sha256 of type, message and step. ``retry_after`` is in seconds.
    """

    error_class: ErrorClass
    error_type: str
    message: str
    step: str | None
    fingerprint: str
    retry_after: float | None = None

    @classmethod
    def from_exception(cls, error: BaseException, *, step: str | None = None) -> Self:
        """Describe an exception that ``step`` raised. Whatever it holds, this raises nothing."""
        name, message = type_name(error), message_of(error)
        wait = _retry_after(error)
        return cls(
            error_class=classify(
                name,
                message,
                step=step,
                http_status=_status(error),
                retry_after=wait,
                traceback=_told(error),
            ),
            error_type=name,
            message=message,
            step=step,
            fingerprint=fingerprint_of(name, message, step),
            retry_after=wait,
        )

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed later."""
        return self.error_class.transient


def fingerprint_of(error_type: str, message: str, step: str | None) -> str:
    """Return 16 hex digits that are the same for errors of one type, step and form of message."""
    template = _SAYS_NOTHING_OF_VALUES.sub("…", message)
    text = f"{error_type}\n{template}\n{step or ''}"
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def type_name(error: BaseException) -> str:
    """Return the full name of an exception's type, without the module for a built-in one."""
    kind = type(error)
    inside = "" if kind.__module__ in {"builtins", "__main__"} else f"{kind.__module__}."
    return f"{inside}{kind.__qualname__}"


def message_of(error: BaseException) -> str:
    """Return what an exception says, whatever that is: "" for one that cannot be read.

    Of a long message the beginning and the end; half surrogates are written as escapes.
    """
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - it would take the place of the agent's own error
        return ""
    return shortened(message).encode("utf-8", "backslashreplace").decode()


def _told(error: BaseException) -> str | None:
    """Return the causes of an exception in words, without the lines of code."""
    causes: list[str] = []
    cause = _cause(error)
    while cause is not None and len(causes) < MOST_CAUSES:
        causes.append(f"{type_name(cause)}: {message_of(cause)}")
        cause = _cause(cause)
    return "\n".join(causes) or None


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    """Return the HTTP status that an exception carries, by the names that clients give it."""
    for name in ("status_code", "status", "code", "http_status"):
        found = _attribute(error, name)
        if isinstance(found, int) and 100 <= found < 600:
            return int(found)
    found = _attribute(_attribute(error, "response"), "status_code")
    return found if isinstance(found, int) and 100 <= found < 600 else None


def _attribute(holder: Any, name: str) -> Any:
    try:
        return getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - other libraries' attributes may raise anything
        return None


def _retry_after(error: BaseException) -> float | None:
    """Return the seconds that the other side asked to wait, where the exception carries them."""
    try:
        seconds = float(_asked_wait(error))
    except Exception:  # noqa: BLE001 - other libraries' attributes may hold and raise anything
        return None
    return seconds if math.isfinite(seconds) else None


def _asked_wait(error: BaseException) -> Any:
    asked = getattr(error, "retry_after", None)
    if asked is not None:
        return asked
    headers: Any = getattr(getattr(error, "response", None), "headers", {})
    return next(value for name, value in headers.items() if name.lower() == "retry-after")
