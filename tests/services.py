"""Services that some tests need: named fixtures that skip where a service is missing.

``REQUIRE_SERVICES=1`` turns such a skip into a failure, so that a green run proves all of them.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg import sql

POSTGRESQL_URL = os.environ.get(
    "HOLDFAST_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres"
)
REDIS_URL = os.environ.get("HOLDFAST_TEST_REDIS", "redis://127.0.0.1:6379/15")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
REQUIRED = os.environ.get("REQUIRE_SERVICES") == "1"


def _missing(service: str, how: str) -> NoReturn:
    message = f"{service} is missing: {how}"
    if REQUIRED:
        pytest.fail(f"{message} (REQUIRE_SERVICES=1)", pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's executable."""
    named = os.environ.get("HOLDFAST_TEST_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None or not Path(found).is_file():
        _missing("Chromium", "install it or name it in HOLDFAST_TEST_CHROMIUM")
    return Path(found)


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The URL of an empty database, dropped after the test."""
    name = f"holdfast_test_{uuid.uuid4().hex}"
    try:
        server = psycopg.connect(POSTGRESQL_URL, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError:
        _missing("PostgreSQL", f"none answers at {_without_password(POSTGRESQL_URL)}")
    with server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlsplit(POSTGRESQL_URL)._replace(path=f"/{name}").geturl()
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def redis_url() -> Iterator[str]:
    """The URL of a Redis database that is empty before and after the test."""
    client = redis.Redis.from_url(REDIS_URL, socket_connect_timeout=5)
    try:
        keys = client.dbsize()
    except redis.ConnectionError:
        _missing("Redis", f"none answers at {_without_password(REDIS_URL)}")
    if keys:
        _missing("An empty Redis database", f"{_without_password(REDIS_URL)} holds {keys} keys")
    yield REDIS_URL
    client.flushdb()
    client.close()


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
