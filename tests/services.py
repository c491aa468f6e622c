"""Services that some tests need: named fixtures that skip where a service is missing.

``REQUIRE_SERVICES=1`` turns such a skip into a failure, so that a green run proves all of them.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

POSTGRESQL_URL = os.environ.get(
    "HOLDFAST_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres"
)
REDIS_URL = os.environ.get("HOLDFAST_TEST_REDIS")
"""A Redis database to use in place of a server of the tests' own."""
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""Which of several processes this is that share the tests."""
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


@pytest.fixture(scope="session")
def redis_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis server that nobody else uses, or of the one that was named."""
    if REDIS_URL is not None:
        yield _of_this_worker(REDIS_URL)
        return
    _need_redis_server()
    server = RedisProcess(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.kill()
    server.client.close()


@pytest.fixture
def redis_url(redis_of_tests: str) -> Iterator[str]:
    """The URL of a Redis database that is empty before and after the test."""
    client = redis.Redis.from_url(redis_of_tests, socket_connect_timeout=5)
    try:
        keys = client.dbsize()
    except redis.ConnectionError:
        _missing("Redis", f"none answers at {_without_password(redis_of_tests)}")
    if keys and REDIS_URL is not None:
        held = f"{_without_password(redis_of_tests)} holds {keys} keys"
        _missing("An empty Redis database", held)
    client.flushdb()
    yield redis_of_tests
    client.flushdb()
    client.close()


def _of_this_worker(url: str) -> str:
    """Return the database that this process has to itself: that of the URL, or one further down."""
    parts = urlsplit(url)
    number = int(parts.path.removeprefix("/") or 0)
    return parts._replace(path=f"/{number - WORKER}").geturl() if WORKER else url


HIGHEST_PORT = 55_000
"""A node of a cluster listens 10,000 ports higher, too."""


class RedisProcess:
    """A Redis server of a test's own, with a folder of its own, ended by its process id."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.port = _free_port(below=HIGHEST_PORT)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0))
        self.start()

    def start(self) -> None:
        """Start it on its port, and wait until it answers."""
        command = ["redis-server", "--port", str(self.port), "--dir", str(self.folder)]
        fixed = ["--bind", "127.0.0.1", "--save", "", *self.options]
        self._process = subprocess.Popen([*command, *fixed], stdout=subprocess.DEVNULL)
        for _ in range(400):
            with contextlib.suppress(redis.RedisError):
                self.client.ping()
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.025)
        pytest.fail(f"redis-server did not answer on port {self.port}", pytrace=False)

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        self._process.kill()
        self._process.wait()
        self.client.connection_pool.disconnect()

    def suspend(self) -> None:
        """Let it answer nothing until it is resumed."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[Callable[..., RedisProcess]]:
    """Start Redis servers of the test's own with options of the command line."""
    _need_redis_server()
    started: list[RedisProcess] = []

    def start(*options: str) -> RedisProcess:
        folder = tmp_path / f"redis-{len(started)}"
        folder.mkdir()
        started.append(RedisProcess(folder, *options))
        return started[-1]

    yield start
    for server in started:
        server.kill()
        server.client.close()


def _need_redis_server() -> None:
    if shutil.which("redis-server") is None:
        _missing("redis-server", "install it")


def _free_port(*, below: int) -> int:
    """Return a port that nobody listens on."""
    for port in random.sample(range(20_000, below), 200):
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"200 ports below {below} are taken")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
