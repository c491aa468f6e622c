"""What class an error belongs to, by its message, its type and the step that raised it.

Rules in order, the first that fits decides: the message first, then type and step. HTTP statuses
mislead (billing failures come as 429, 400 and 403), so they only count where the message says
nothing better.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from checkpoints.recovery.classes import ADVICE, ErrorClass

E = ErrorClass
_Rule = tuple[ErrorClass, re.Pattern[str]]


def _rules(*rules: tuple[ErrorClass, str]) -> Sequence[_Rule]:
    return [(found, re.compile(pattern, re.IGNORECASE)) for found, pattern in rules]


_BY_MESSAGE: Final = _rules(
    (E.DISK_FULL, r"no space left|ENOSPC|disk (is )?full|disk quota|file too large|read-only file"),
    (E.CORRUPTED_STATE, r"messages? with '?(role '?tool|tool_calls)|integrity (check|stamp)"),
    (E.QUOTA_EXHAUSTED, r"insufficient_quota|current quota|credit balance|billing|usage limit"),
    (E.QUOTA_EXHAUSTED, r"quota ?exceeded(?!.*per (min|sec))|spending limit|payment required"),
    (E.RESOURCE_EXHAUSTED, r"too many (open files|clients|connections)|EADDRINUSE|pool.*exhaust"),
    (E.RESOURCE_EXHAUSTED, r"max number of clients|can't start new thread|queuepool limit"),
    (
        E.CONTEXT_LENGTH,
        r"context.{0,12}(length|window|size)|request too large|token count",
    ),
    (E.CONTEXT_LENGTH, r"maximum (number of tokens|context)|(prompt|input).{0,10}too long"),
    (E.CONTENT_FILTER, r"content.?(filter|management|policy)|guardrail|safety|was filtered"),
    (E.LOOP_LIMIT, r"recursion ?limit|max(imum)? (steps|turns|iterations)|max_iterations"),
    (
        E.MEMORY_OOM,
        r"out of memory|maxmemory|OOM|(unable to|failed to|can.?t|cannot) allocate|memory limit",
    ),
    (E.INTERRUPTED, r"signal (9|11|15)\b|terminated abruptly|was cancelled|keyboard ?interrupt"),
    (E.CONCURRENCY_CONFLICT, r"conflict|changed size during|updated by another|version mismatch"),
    (E.DB_TRANSIENT, r"database( table)? is locked|deadlock|could not serialize|is loading"),
    (E.DB_PERMANENT, r"constraint failed|duplicate key|no such (table|column)|violates"),
    (E.CORRUPTED_STATE, r"truncated|checksum|digest|malformed|not a gzipped|corrupt|unpickl"),
    (E.RATE_LIMIT, r"rate.?limit|too many (requests|tokens)|throttl|throughput ?exceeded"),
    (E.NOT_FOUND, r"model.{0,40}does not exist"),
    (E.PERMISSION, r"key does not have permission"),
    (E.AUTH, r"api.?key|unauthori[sz]ed|authenticat|credential|token (has )?expired|signature"),
    (E.PERMISSION, r"permission denied|forbidden|access ?denied|not (have|authorized)"),
    (E.CONFIG, r"no module named|cannot import|environment variable|certificate verify|not set"),
    (
        E.NETWORK,
        r"connection (aborted|refused|reset|error|closed)|name or service|ssl:|unreachable",
    ),
    (E.NETWORK, r"peer closed|broken pipe|name ?resolution|max retries exceeded"),
    (
        E.SERVER_ERROR,
        r"gateway time-?out|overloaded|internal ?server|bad gateway|service ?unavailable",
    ),
    (E.TIMEOUT, r"timed? ?out|time ?limit|deadline"),
    (E.NOT_FOUND, r"not found|no such file|does not exist"),
    (E.OUTPUT_VALIDATION, r"invalid json|validation errors? for|failed validating|expecting value"),
    (E.TOOL_ERROR, r"tool \S+ failed|non-zero exit|died with"),
    (E.INVALID_REQUEST, r"unsupported (parameter|value)|invalid (schema|request|parameter)"),
)

_BY_TYPE: Final = _rules(
    (E.MEMORY_OOM, r"MemoryError|OutOfMemory|OOM"),
    (E.TIMEOUT, r"Timeout|DeadlineExceeded"),
    (E.RATE_LIMIT, r"RateLimit|TooManyRequests|Throttl"),
    (E.INTERRUPTED, r"SystemExit|KeyboardInterrupt|Cancelled|WorkerLost|BrokenProcessPool"),
    (E.CONCURRENCY_CONFLICT, r"HeadMoved|Conflict|FileExists|AlreadyExists|Aborted"),
    (E.CORRUPTED_STATE, r"Corrupt|Unpickling|BadGzip|zlib\.error|EOFError|UnicodeDecode"),
    (E.AUTH, r"Authentication|Credential|Unauthori[sz]ed"),
    (E.PERMISSION, r"Permission|Forbidden|AccessDenied"),
    (E.NOT_FOUND, r"NotFound"),
    (E.NETWORK, r"Connect|RemoteProtocol|Socket|gaierror|BrokenPipe|SSLError"),
    (E.SERVER_ERROR, r"InternalServer|ServiceUnavailable|BadGateway|Overloaded"),
    (E.DB_TRANSIENT, r"TransientStoreError|OperationalError|InterfaceError|ReadOnly|ClusterDown"),
    (E.DB_PERMANENT, r"IntegrityError|ProgrammingError|PermanentStoreError"),
    (E.CONFIG, r"ModuleNotFound|ImportError|Configuration"),
    (E.TOOL_ERROR, r"CalledProcess|ToolE|McpError"),
    (E.LOOP_LIMIT, r"Recursion|MaxSteps|MaxIterations|LimitExceeded"),
    (E.OUTPUT_VALIDATION, r"Validat|JSONDecode|OutputParser"),
    (E.INVALID_REQUEST, r"BadRequest|InvalidArgument|InvalidSchema|UnsupportedState"),
    (E.CODE_BUG, r"(Attribute|Index|Key|Name|UnboundLocal|Type|Value|Assertion|Syntax)Error$"),
    (E.CODE_BUG, r"ZeroDivisionError$|InvalidUpdate"),
)

_READS_A_STATE: Final = re.compile(r"load_checkpoint|resume|restore")
_MISREAD: Final = {E.OUTPUT_VALIDATION, E.INVALID_REQUEST, E.CODE_BUG, E.CONTENT_FILTER, E.UNKNOWN}
"""Classes that, where a state is being read, mean that the state is not sound."""
_SIDE: Final = 2000
"""Characters at either end of a message that are looked at; what is between says no more."""
_SAYS_NOTHING_OF_VALUES: Final = re.compile(r"0x[0-9a-f]+|\d+|'[^']*'|\"[^\"]*\"", re.IGNORECASE)


def classify(error_type: str, message: str, step: str | None = None) -> ErrorClass:
    """Return the class of an error from its type's name, its message and the step's name."""
    found = _first(_BY_MESSAGE, message) or _first(_BY_TYPE, error_type) or E.UNKNOWN
    if found in _MISREAD and _READS_A_STATE.search(step or ""):
        return E.CORRUPTED_STATE
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One error, as far as recovery looks at it.

    ``fingerprint`` is the same for errors that differ only in numbers and quoted values: 16 hex
    digits of the sha256 of type, message and step.
    """

    error_class: ErrorClass
    error_type: str
    message: str
    step: str | None
    fingerprint: str
    retry_after: float | None = None

    @classmethod
    def of(cls, error: BaseException, step: str | None = None) -> Self:
        """Describe an exception that ``step`` raised."""
        name, message = type_name(error), message_of(error)
        template = _SAYS_NOTHING_OF_VALUES.sub("…", message)
        text = f"{name}\n{template}\n{step or ''}"
        return cls(
            error_class=classify(name, message, step),
            error_type=name,
            message=message,
            step=step,
            fingerprint=hashlib.sha256(text.encode()).hexdigest()[:16],
            retry_after=_retry_after(error),
        )

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed later."""
        return ADVICE[self.error_class].transient


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
    short = f"{message[:_SIDE]} … {message[-_SIDE:]}" if len(message) > 2 * _SIDE else message
    return short.encode("utf-8", "backslashreplace").decode()


def _first(rules: Sequence[_Rule], text: str) -> ErrorClass | None:
    return next((found for found, pattern in rules if pattern.search(text)), None)


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
