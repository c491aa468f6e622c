"""``holdfast up``: one process tree that starts, heals, refuses and ends cleanly."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.processes import HOLDFAST, Installation, wait_until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="reads /proc to find what is left of a process tree"
)
WEB, WORKER = "gunicorn", "celery"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path / "data")
    yield installation
    installation.kill_all()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def up(installation: Installation, port: int) -> subprocess.Popen[str]:
    options = ["up", "--port", str(port), "--no-demo"]
    return installation.start("-c", HOLDFAST, *options, stderr=log_of(installation))


def log_of(installation: Installation) -> Path:
    return installation.data_dir.parent / "stderr.log"


def read_lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(count)]


def status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def stop(process: subprocess.Popen[str], number: int = signal.SIGINT) -> int:
    process.send_signal(number)
    return process.wait(20)


def test_all_that_it_writes_about_itself_is_its_owners_alone(installation: Installation) -> None:
    process = up(installation, free_port())
    read_lines(process, 2)
    written = [path for path in installation.data_dir.rglob("*") if path.is_file()]
    stop(process)

    assert installation.data_dir / "dashboard.db" in written
    assert [path for path in written if path.exists() and path.stat().st_mode & 0o077] == []


def test_it_says_where_it_runs_and_how_to_log_in_and_nothing_else(
    installation: Installation,
) -> None:
    port = free_port()
    process = up(installation, port)

    where, link = read_lines(process, 2)

    assert where == f"Holdfast is running at http://127.0.0.1:{port}"
    assert link.startswith(f"Log in: http://127.0.0.1:{port}/login/")
    assert status(port, "/healthz") == 200
    stop(process)
    assert process.stdout is not None
    assert process.stdout.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_whole_tree(installation: Installation, number: int) -> None:
    process = up(installation, free_port())
    read_lines(process, 2)

    assert stop(process, number) == 0
    assert installation.processes() == []


def test_ctrl_c_works_though_a_background_shell_had_it_ignored(
    installation: Installation,
) -> None:
    ignoring = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {HOLDFAST}"
    process = installation.start("-c", ignoring, "up", "--port", "0", "--no-demo")
    read_lines(process, 2)

    assert stop(process, signal.SIGINT) == 0
    assert installation.processes() == []


def test_a_killed_supervisor_leaves_no_orphan(installation: Installation) -> None:
    process = up(installation, free_port())
    read_lines(process, 2)

    process.kill()
    process.wait()

    wait_until(lambda: installation.processes() == [], what="every process is gone")


def test_what_is_killed_comes_back(installation: Installation) -> None:
    port = free_port()
    process = up(installation, port)
    read_lines(process, 2)
    wait_until(lambda: status(port, "/readyz") == 200, what="the worker has made its first round")
    for program in (WORKER, WEB):
        victims = installation.processes(program)

        for victim in victims:
            os.kill(victim, signal.SIGKILL)

        wait_until(
            lambda: set(installation.processes(program)) - set(victims),  # noqa: B023
            what=f"{program} runs again",
        )
    wait_until(lambda: status(port, "/healthz") == 200, what="pages answer again")
    assert stop(process) == 0
    assert "was killed by SIGKILL; starting it again" in log_of(installation).read_text()


def test_a_port_in_use_is_refused_before_anything_starts(installation: Installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        refused = installation.run("-c", HOLDFAST, "up", "--port", str(port), "--no-demo")

    assert refused.returncode == 4
    assert refused.stdout == ""
    assert refused.stderr.startswith(f"holdfast: Port {port} cannot be used:")
    assert refused.stderr.count("\n") == 1
    assert not (installation.data_dir / "dashboard.db").exists()


def test_a_second_one_on_the_same_data_is_refused_and_the_first_goes_on(
    installation: Installation,
) -> None:
    port = free_port()
    first = up(installation, port)
    read_lines(first, 2)

    second = installation.run("-c", HOLDFAST, "up", "--port", "0", "--no-demo")

    assert second.returncode == 4
    assert f"already runs on {installation.data_dir}, as process {first.pid}" in second.stderr
    assert status(port, "/healthz") == 200
    stop(first)


def test_it_starts_again_on_the_same_data(installation: Installation) -> None:
    for _ in range(2):
        process = up(installation, free_port())
        assert read_lines(process, 2)[1].startswith("Log in: ")
        assert stop(process) == 0


def test_a_wrong_setting_is_one_sentence_that_names_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Installation,
        "environment",
        lambda self: {**os.environ, "HOLDFAST_DATA_DIR": str(self.data_dir), "HOLDFAST_ENV": "x"},
    )
    refused = installation.run("-c", HOLDFAST, "up", "--no-demo")

    assert refused.returncode == 4
    assert refused.stderr.startswith("holdfast: HOLDFAST_ENV is not valid")
