"""A database URL as Django's settings want it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from dashboard.configuration import PREFIX, ConfigurationError

_POSTGRESQL = ("postgresql", "postgres")
_BUSY_SECONDS = 20
_POOL = {"min_size": 1, "max_size": 10, "timeout": 10}
_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"


def database_settings(url: str, *, default: Path) -> dict[str, Any]:
    """Return the entry of DATABASES for ``url``, or for a SQLite file at ``default``.

    Raises ConfigurationError for anything but ``sqlite:///…`` and ``postgresql://…``.
    """
    if not url:
        return _sqlite(default)
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and not parts.netloc and parts.path[1:]:
        return _sqlite(Path(unquote(parts.path[1:])).absolute())
    if parts.scheme in _POSTGRESQL and parts.path[1:]:
        return _postgresql(parts)
    raise ConfigurationError(
        f"{PREFIX}DATABASE_URL must be sqlite:////path/to/file.db or "
        "postgresql://user:password@host:5432/name."
    )


def trash_url(url: str, *, default: Path) -> str:
    """Return the store in which trash lies: beside the index where that is PostgreSQL.

    Else it is a SQLite file at ``default``.
    """
    return url if urlsplit(url).scheme in _POSTGRESQL else f"sqlite:///{default}"


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": _BUSY_SECONDS,
            "init_command": _PRAGMAS,
        },
    }


def _postgresql(parts: SplitResult) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(_port(parts)),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"pool": dict(_POOL), **dict(parse_qsl(parts.query))},
    }


def _port(parts: SplitResult) -> int | str:
    try:
        return parts.port or ""
    except ValueError:
        raise ConfigurationError(f"{PREFIX}DATABASE_URL has a port that is no number.") from None
