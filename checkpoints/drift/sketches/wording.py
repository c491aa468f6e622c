"""What in a value changes with every call, and what tells of an error."""

from __future__ import annotations

import re
from typing import Any, Final

_PASSING_NAMES: Final = (
    "attempt attempts cachebuster callid correlationid duration durationms durations elapsed "
    "elapsedms elapsedseconds etag eventid expires expiresat fetchedat generatedat "
    "idempotencykey invocationid jitter latency latencyms messageid nonce now receivedat reqid "
    "requestedat requestid responseid retries retry retrycount rid salt sentat servertime span "
    "spanid timestamp timestampms took tookms toolcallid trace traceid traceparent ts "
    "xrequestid"
)
_PASSING: Final = frozenset(_PASSING_NAMES.split())
_TIMES: Final = re.compile(r"time|date|_at$|^at$|^t$|^_+$|now|clock|when|stamp", re.IGNORECASE)
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:(?!00(?:\.0+)?(?!\.?\d))\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b1[4-9]\d{8}(?:\.\d+|\d{3})?\b"
)
_LONG: Final = 12
_ID: Final = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b(?=[0-9a-f]*\d)[0-9a-f]{8,64}\b|\b[a-z]{1,12}[_-](?=\w*\d)\w{8,64}\b",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_ERROR: Final = re.compile(
    r"\b(?:error|exception|traceback|failed|failure|timed out|timeout|denied|refused|forbidden|"
    r"not found|unavailable|unauthorized|rate.?limit\w*)\b|error:",
    re.IGNORECASE,
)
_ERROR_KEYS: Final = frozenset({"error", "errors", "exception", "traceback"})
_NOTHING: Final = frozenset({"", "null", "False", "0", "none", "None"})


def passing(key: str) -> bool:
    """Whether a field only says when, how long or under which number something was asked for."""
    return key.replace("_", "").replace("-", "").lower() in _PASSING


def is_moment(key: str, value: Any) -> bool:
    """Whether a number is a time of day under a name that speaks of time."""
    if type(value) is not int and type(value) is not float:
        return False
    return _TIMES.search(key) is not None and 1.4e9 <= value < 2e12


def without_moments(text: str) -> str:
    """Leave out times that are exact to the second; a whole minute may be what is asked for."""
    return _MOMENT.sub("<time>", text) if len(text) > _LONG or text.isdigit() else text


def without_ids(text: str) -> str:
    """Leave out what looks like an id made by a machine."""
    return _ID.sub("<id>", text)


def without_numbers(text: str) -> str:
    """Leave out numbers, of which errors name many."""
    return _NUMBER.sub("<n>", text)


def tells_of_error(key: str, text: str) -> bool:
    """Whether a value says that something failed."""
    if key.lower() in _ERROR_KEYS:
        return text not in _NOTHING
    return _ERROR.search(text[:300]) is not None
