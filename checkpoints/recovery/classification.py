"""What class an error belongs to, by its message, its type, the step that raised it, its status.

The message first, then type and step, then status: HTTP statuses mislead (billing failures come
as 429, 400, 401 and 403, an overload as 200), so they count only where words say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from checkpoints.recovery.classes import ERROR_CLASSES, ErrorClass
from checkpoints.recovery.classes import ErrorName as N
from checkpoints.recovery.refinements import refined
from checkpoints.recovery.rules import BY_TYPE, BY_WORDS, Rule

SIDE: Final = 2000
"""Characters at either end of a message that are looked at; what is between says no more."""
_READS_A_STATE: Final = re.compile(r"load_checkpoint|resume|restore|rehydrat")
_MISREAD: Final = frozenset(
    {N.OUTPUT_VALIDATION, N.INVALID_REQUEST, N.CONTENT_FILTER, N.TOOL_ERROR, N.UNKNOWN}
)
"""Classes that, where a state is being read, mean that the state is not sound."""
_BY_STATUS: Final[Mapping[int, N]] = MappingProxyType(
    {
        400: N.INVALID_REQUEST,
        401: N.AUTH,
        402: N.QUOTA_EXHAUSTED,
        403: N.PERMISSION,
        404: N.NOT_FOUND,
        408: N.TIMEOUT,
        409: N.CONCURRENCY_CONFLICT,
        410: N.NOT_FOUND,
        412: N.CONCURRENCY_CONFLICT,
        413: N.CONTEXT_LENGTH,
        422: N.INVALID_REQUEST,
        423: N.CONCURRENCY_CONFLICT,
        429: N.RATE_LIMIT,
        499: N.INTERRUPTED,
        507: N.DISK_FULL,
    }
)
_BY_STEP: Final = (
    (re.compile(r"parse|validat", re.IGNORECASE), N.OUTPUT_VALIDATION),
    (re.compile(r"tool", re.IGNORECASE), N.TOOL_ERROR),
)
"""What an error that nothing else explains most likely is, by the name of its step."""


def classify(
    error_type: str,
    message: str,
    *,
    step: str | None = None,
    http_status: int | None = None,
    retry_after: float | None = None,
    traceback: str | None = None,
) -> ErrorClass:
    """Return the class of an error, with its strategies, the most hopeful first.

    ``retry_after`` is in seconds. Of a ``traceback`` the last lines are looked at, and only where
    type and message say nothing. Never raises: what is not recognised is ``unknown``.
    """
    text = shortened(message)
    name = _named(error_type, text, step)
    if name is N.UNKNOWN and retry_after is not None:
        name = N.RATE_LIMIT
    if name is N.UNKNOWN:
        name = _of_status(http_status)
    if name is N.UNKNOWN and traceback:
        name = _first(BY_WORDS, "", shortened(traceback)[-SIDE:])
    if name is N.UNKNOWN:
        name = next((found for at, found in _BY_STEP if at.search(step or "")), name)
    return refined(ERROR_CLASSES[name], error_type, text, step=step)


def shortened(text: str) -> str:
    """Return a long text's beginning and end, joined by an ellipsis."""
    return f"{text[:SIDE]} … {text[-SIDE:]}" if len(text) > 2 * SIDE else text


def _named(error_type: str, message: str, step: str | None) -> N:
    reads = _READS_A_STATE.search(step or "") is not None
    name = _first(BY_WORDS, error_type, message)
    if name is N.UNKNOWN:
        name = _first(BY_TYPE, error_type, message)
        if name is N.CODE_BUG and reads:
            return N.CORRUPTED_STATE
    return N.CORRUPTED_STATE if reads and name in _MISREAD else name


def _first(rules: tuple[Rule, ...], error_type: str, message: str) -> N:
    return next((rule.found for rule in rules if rule.fits(error_type, message)), N.UNKNOWN)


def _of_status(status: int | None) -> N:
    if status is not None and status >= 500 and status not in _BY_STATUS:
        return N.SERVER_ERROR
    return _BY_STATUS.get(status or 0, N.UNKNOWN)
