"""An agent that is killed, and a dashboard that loses its answers: everything arrives once."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from checkpoints import open_store
from tests.checkpoints.dashboards import until
from tests.instances import ROOT, Instance, push_token, running_instance
from tests.proxies import Proxy, proxy_to

AGENT = """
import sys, time
from checkpoints import CheckpointManager
from checkpoints.reporting import Reporter
reporter = Reporter(sys.argv[1], sys.argv[2], spool=sys.argv[3])
with CheckpointManager("crawler", store=sys.argv[4], reporter=reporter) as manager:
    manager.resume()
    for n in range(int(sys.argv[5])):
        saved = manager.create_checkpoint(state={"n": n}, metrics={"pages": n})
        reporter.report_metrics("crawler", "main", {"pages": n}, step=saved.step)
        print(saved.step, reporter.counters.sent + reporter.counters.spooled, flush=True)
        time.sleep(0.005)
"""
TABLES = ("checkpoint", "metricspoint")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    data_dir = tmp_path_factory.mktemp("data")
    with running_instance(data_dir) as running:
        yield running


@pytest.fixture
def token(instance: Instance) -> str:
    return push_token(instance)


@pytest.fixture
def proxy(instance: Instance) -> Iterator[Proxy]:
    with proxy_to(instance.url.rstrip("/")) as between:
        yield between


def an_agent(url: str, token: str, folder: Path, saves: int) -> subprocess.Popen[str]:
    """Start an agent that saves and reports, and prints after each save how much it wrote down."""
    store = f"sqlite:///{folder}/agents.db"
    words = [url, token, str(folder / "spool"), store, str(saves)]
    return subprocess.Popen(
        [sys.executable, "-c", AGENT, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def send_what_is_left(url: str, token: str, folder: Path) -> None:
    """Send until the dashboard has everything, as an operator would."""
    environment = {"HOLDFAST_DASHBOARD_URL": url, "HOLDFAST_TOKEN": token}
    environment |= {"HOLDFAST_SPOOL": str(folder / "spool")}
    command = [sys.executable, "-m", "checkpoints.cli", "spool", "--send"]
    until(lambda: subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0)


def counted(instance: Instance, folder: Path) -> list[tuple[int, int]]:
    """Return how many rows, and how many different ones, the dashboard has of our store."""
    url = f"sqlite:///{folder}/agents.db"
    found = []
    with closing(sqlite3.connect(instance.data_dir / "dashboard.db")) as database:
        for table in TABLES:
            query = (
                f"SELECT count(*), count(DISTINCT step) FROM dashboard_{table} AS row "
                "JOIN dashboard_thread AS t ON row.thread_id = t.id "
                "JOIN dashboard_agent AS a ON t.agent_id = a.id "
                "JOIN dashboard_source AS s ON a.source_id = s.id WHERE s.url = ?"
            )
            found.append(database.execute(query, (url,)).fetchone())
    return found


def test_what_a_killed_agent_reported_arrives_once_with_the_next(
    instance: Instance, token: str, proxy: Proxy, tmp_path: Path
) -> None:
    proxy.rule = lambda _: "503"
    killed = an_agent(proxy.url, token, tmp_path, 1000)
    assert killed.stdout is not None
    written = [killed.stdout.readline().split() for _ in range(200)]
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    on_disk = int(written[-1][1])
    assert on_disk > 100
    assert counted(instance, tmp_path) == [(0, 0), (0, 0)]

    answers = iter(["swallow", None] * 3)
    proxy.rule = lambda _: next(answers, None)
    ended = an_agent(proxy.url, token, tmp_path, 20)
    told, _ = ended.communicate(timeout=60)
    assert ended.returncode == 0

    send_what_is_left(proxy.url, token, tmp_path)
    (saved, steps), (measured, different) = counted(instance, tmp_path)
    assert (saved, measured) == (steps, different)
    assert saved + measured >= on_disk + 40
    assert len(told.splitlines()) == 20


def test_lost_answers_double_nothing(
    instance: Instance, token: str, proxy: Proxy, tmp_path: Path
) -> None:
    faults = iter(["swallow", "drop", "503", "swallow"])
    proxy.rule = lambda _: next(faults, None)
    agent = an_agent(proxy.url, token, tmp_path, 100)
    agent.communicate(timeout=60)

    send_what_is_left(proxy.url, token, tmp_path)

    assert counted(instance, tmp_path) == [(100, 100), (100, 100)]
    assert len(open_store(f"sqlite:///{tmp_path}/agents.db").history("crawler", "main")) == 100
