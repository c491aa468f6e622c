"""Logs: one clean line per event, without secrets."""

from __future__ import annotations

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
_SECRET_NAMES = re.compile(
    r"(?i)\b(authorization|cookie|password|passwd|secret|secret_key|token|api_key|csrfmiddlewaretoken)\b"
)
_SECRETS = (
    re.compile(r"(?i)(bearer\s+)[^\s\"',]+"),
    re.compile(r"(/login/)[^/\s\"'?]+"),
    re.compile(r"(\w://[^/\s:@]*:)[^@\s/]+(?=@)"),
    re.compile(
        r"(?i)((?:password|passwd|secret|secret_key|token|api_key|csrfmiddlewaretoken)[\"']?\s*[=:]\s*[\"']?)"
        r"[^\s\"'&,;)}]+"
    ),
)
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9_-]{8,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def scrub(text: str) -> str:
    """Return ``text`` with credentials hidden."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return _TOKEN.sub(HIDDEN, text)


def one_line(text: str) -> str:
    r"""Return ``text`` with control characters written out: a newline becomes ``\n``."""
    return _CONTROL.sub(lambda match: repr(match.group())[1:-1], text)


def _clean(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _clean_value(key, value) for key, value in event.items()}


def _clean_value(key: str, value: Any) -> Any:
    if key.startswith("_"):
        return value
    if _SECRET_NAMES.fullmatch(key):
        return HIDDEN
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return one_line(scrub(value if isinstance(value, str) else repr(value)))


def _without_internals(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name in ("_record", "_from_structlog"):
        event.pop(name, None)
    return event


_TALKATIVE = ("celery.apps.worker", "celery.worker", "django.server", "httpx")
_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def logging_settings(*, level: str, json: bool) -> dict[str, Any]:
    """Configure structlog and return the dictionary for :func:`logging.config.dictConfig`."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": _formatter(json=json)},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {name: {"level": "WARNING"} for name in _TALKATIVE},
    }


def _formatter(*, json: bool) -> dict[str, Any]:
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
        )
    )
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.processors.format_exc_info, _clean, _without_internals, renderer],
        "foreign_pre_chain": list(_SHARED),
    }
