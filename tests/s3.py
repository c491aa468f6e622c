"""An S3 server for tests: moto's, over HTTP, on a port of its own, with a bucket for each test."""

from __future__ import annotations

import http.client
import importlib.util
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

REQUIRED = os.environ.get("REQUIRE_SERVICES") == "1"
MISSING = "moto's server is missing: install it with: pip install 'moto[server]'"

_MOTO = """
import os, sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app))
"""


@pytest.fixture(scope="session")
def _moto() -> Iterator[str]:
    """An S3 server in memory that answers one request at a time, so that conditions hold."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        if REQUIRED:
            pytest.fail(f"{MISSING} (REQUIRE_SERVICES=1)", pytrace=False)
        pytest.skip(MISSING)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", _MOTO, str(port)],
        stdin=subprocess.PIPE,  # it ends when this process does, however that ends
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate(timeout=10)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None, "moto's server ended"
            time.sleep(0.05)
        else:
            return
    pytest.fail("moto's server did not begin to answer")


@pytest.fixture
def s3_endpoint(_moto: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an S3 server; credentials for it stand in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    return _moto


@pytest.fixture
def s3_bucket(s3_endpoint: str) -> str:
    """The name of a new, empty bucket there."""
    name = f"holdfast-{uuid.uuid4().hex}"
    connection = http.client.HTTPConnection(urlsplit(s3_endpoint).netloc, timeout=30)
    connection.request("PUT", f"/{name}", headers={"Content-Length": "0"})
    assert connection.getresponse().status == 200
    connection.close()
    return name
