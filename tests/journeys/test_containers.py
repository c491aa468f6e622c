"""Web and worker apart, as compose.yaml runs them: production mode, PostgreSQL, Redis."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

import checkpoints

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = "from checkpoints.cli import main; main()"
ADD_SOURCE = """
import sys, django
django.setup()
from django.utils import timezone
from dashboard.services import login, sources
user = login.first_administrator()
sources.add_source(user=user, url=sys.argv[1], name="agents", now=timezone.now())
"""
WITHIN_SECONDS = 120.0


@pytest.fixture
def environment(postgresql_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    foreign = ("HOLDFAST_", "DJANGO_")
    inherited = {key: v for key, v in os.environ.items() if not key.startswith(foreign)}
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "HOLDFAST_ALLOWED_HOSTS": "localhost",
        "HOLDFAST_BEHIND_PROXY": "true",
        "HOLDFAST_BROKER_URL": redis_url,
        "HOLDFAST_DATABASE_URL": postgresql_url,
        "HOLDFAST_DATA_DIR": str(tmp_path / "data"),
        "HOLDFAST_ENV": "production",
        "HOLDFAST_SECRET_KEY": secrets.token_urlsafe(48),
        "HOLDFAST_SOURCE_ROOTS": str(tmp_path),
    }


@pytest.fixture
def web(environment: dict[str, str]) -> Iterator[httpx.Client]:
    port = _free_port()
    proxied = {"X-Forwarded-Proto": "https", "Host": "localhost"}
    with ExitStack() as running:
        running.enter_context(_started(environment, "web", "--port", str(port)))
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=proxied)
        running.enter_context(client)
        _wait_until(lambda: _status(client, "/healthz") == httpx.codes.OK)
        running.enter_context(_started(environment, "worker"))
        _wait_until(lambda: _status(client, "/readyz") == httpx.codes.OK)
        yield client


def test_a_source_is_scanned_and_a_report_is_taken(
    web: httpx.Client, environment: dict[str, str], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    _save(url, "scanned")
    _python(environment, ADD_SOURCE, url)
    _wait_until(lambda: _agents(environment) == {"scanned"})

    token = _python(environment, HOLDFAST, "token", "create").strip()
    record = _save(f"sqlite:///{tmp_path}/other.db", "reporting").to_dict()
    report = {"source": {"url": f"sqlite:///{tmp_path}/other.db"}, "checkpoint": record}
    bearer = {"Authorization": f"Bearer {token}"}
    answer = web.post("/api/v1/checkpoints", json=report, headers=bearer)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    assert _agents(environment) == {"scanned", "reporting"}


def _save(url: str, agent: str) -> checkpoints.Checkpoint:
    with checkpoints.CheckpointManager(agent, store=url) as manager:
        return manager.create_checkpoint(state={"step": 1})


def _agents(environment: dict[str, str]) -> set[str]:
    with psycopg.connect(environment["HOLDFAST_DATABASE_URL"]) as database:
        return {name for (name,) in database.execute("SELECT agent_id FROM dashboard_agent")}


def _python(environment: dict[str, str], code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@contextmanager
def _started(environment: dict[str, str], *arguments: str) -> Iterator[None]:
    command = [sys.executable, "-c", HOLDFAST, *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(WITHIN_SECONDS)


def _status(client: httpx.Client, path: str) -> int:
    try:
        return client.get(path).status_code
    except httpx.TransportError:
        return 0


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
