"""What waits on disk: it outlives its process, keeps within bounds, and is sent once."""

from __future__ import annotations

import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from checkpoints.reporting import Bounds, Counters, Reporter
from checkpoints.reporting.counters import Tally
from checkpoints.reporting.items import Entry, Lane, about
from checkpoints.reporting.lines import encoded
from checkpoints.reporting.notices import Notices
from checkpoints.reporting.segments import MAX_BYTES, MAX_ITEMS, SUFFIX
from checkpoints.reporting.settings import Settings
from checkpoints.reporting.spool import Spool
from tests.checkpoints.dashboards import Dashboard, a_dashboard, until
from tests.checkpoints.reporting.conftest import AT, STORE, Reporters, report

ROOT = Path(__file__).resolve().parents[3]
AGENT = """
import sys, time
from checkpoints.reporting import Reporter
from tests.checkpoints.reporting.conftest import report
reporter = Reporter(sys.argv[1], "hf_secret", spool=sys.argv[2])
for step in range(1000):
    report(reporter, range(step, step + 1))
    print(step, reporter.counters.spooled + reporter.counters.sent, flush=True)
    time.sleep(0.002)
"""
FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
from checkpoints.reporting import Reporter
from tests.checkpoints.reporting.conftest import report
reporter = Reporter(sys.argv[1], "hf_secret", spool=sys.argv[2])
report(reporter, range(50))
reporter.close()
print(reporter.counters.sent, reporter.counters.dropped, reporter.counters.spool_errors > 0)
"""


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def lines(lane: Lane, count: int) -> list[bytes]:
    """Return ``count`` lines of about 1,000 bytes each."""
    item = about("metrics", "crawler", "main", AT, values={"x" * 800: 1.0})
    return [encoded(Entry(lane=lane, source_url=STORE, item=item)) for _ in range(count)]


def a_spool(folder: Path, **bounds: int) -> tuple[Spool, Tally]:
    tally = Tally()
    settings = Settings(url="http://h", token="t", spool=folder, bounds=Bounds(**bounds))
    return Spool(settings, tally, Notices()), tally


def test_what_a_killed_agent_reported_is_sent_once_by_the_next(
    dashboard: Dashboard, spool: Path, reporters: Reporters
) -> None:
    with a_dashboard() as gone:
        port, url = gone.server_port, gone.url
    agent = run(AGENT, url, spool)
    assert agent.stdout is not None
    told = [agent.stdout.readline().split() for _ in range(300)]
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    on_disk = int(told[-1][1])
    assert on_disk > 100
    with a_dashboard(port) as back:
        next_one = reporters(url)
        report(next_one, range(5000, 5001))
        until(lambda: next_one.counters.sent > 1 and next_one.counters.spooled == 0)
        steps = [item["checkpoint"]["step"] for item in back.items.values()]
    assert len(steps) == len(set(steps)) >= on_disk + 1
    assert {*range(on_disk)} <= {*steps}


def test_an_agent_that_is_killed_while_it_sends_has_nothing_counted_twice(
    spool: Path, reporters: Reporters
) -> None:
    with a_dashboard() as server:
        agent = run(AGENT, server.url, spool)
        until(lambda: len(server.items) > 50)
        agent.send_signal(signal.SIGKILL)
        agent.wait()
        next_one = reporters(server.url)
        report(next_one, range(5000, 5001))
        until(lambda: next_one.counters.sent > 0 and next_one.counters.spooled == 0)
        steps = [item["checkpoint"]["step"] for item in server.items.values()]
    assert len(steps) == len(set(steps))
    assert {*range(max(step for step in steps if step < 5000))} <= {*steps}


def test_a_living_process_keeps_its_spool_to_itself(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    dashboard.always = 503
    first, second = reporters(), reporters()
    report(first, range(3))
    until(lambda: first.counters.spooled == 3)
    report(second, range(10, 12))
    until(lambda: second.counters.spooled == 2)
    dashboard.always = None
    until(lambda: first.counters.sent == 3 and second.counters.sent == 2)
    assert len(dashboard.items) == 5


def test_what_is_meant_for_another_dashboard_is_left_alone(
    dashboard: Dashboard, spool: Path, reporters: Reporters
) -> None:
    with a_dashboard() as other:
        other_url = other.url
    elsewhere = reporters(other_url)
    report(elsewhere, range(3))
    elsewhere.close(1)
    here = reporters()
    report(here, range(1))
    until(lambda: here.counters.sent == 1)
    here.close()
    assert len(dashboard.items) == 1
    assert elsewhere.counters.spooled == 3


def test_nothing_is_left_on_disk_when_everything_was_sent(
    dashboard: Dashboard, spool: Path, reporters: Reporters
) -> None:
    reporter = reporters()
    report(reporter, range(250))
    reporter.close()
    assert reporter.counters == Counters(sent=250)
    assert [path.name for path in spool.rglob("*") if path.is_file()] == ["dashboard"]


def test_nobody_else_can_read_what_waits(dashboard: Dashboard, reporters: Reporters) -> None:
    dashboard.always = 503
    reporter = reporters()
    report(reporter, range(1))
    until(lambda: reporter.counters.spooled == 1)
    paths = list(reporter._settings.destination.rglob(f"*{SUFFIX}"))
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600]
    assert stat.S_IMODE(paths[0].parent.stat().st_mode) == 0o700


def test_a_torn_and_a_damaged_line_cost_themselves_alone(
    dashboard: Dashboard, spool: Path, reporters: Reporters
) -> None:
    left = reporters()
    dashboard.always = 503
    report(left, range(5))
    left.close(1)
    [path] = spool.rglob(f"*{SUFFIX}")
    data = path.read_bytes().split(b"\n")
    data[1] = data[1].replace(b"c-1", b"c-9")
    path.write_bytes(b"\n".join(data)[:-20])
    dashboard.always = None
    reporter = reporters()
    report(reporter, range(100, 101))
    until(lambda: reporter.counters.sent == 4)
    steps = sorted(item["checkpoint"]["step"] for item in dashboard.items.values())
    assert steps == [0, 2, 3, 100]
    assert reporter.counters.dropped == 1


def test_the_oldest_metrics_go_first_and_checkpoints_last(tmp_path: Path) -> None:
    spool, tally = a_spool(tmp_path, spool_bytes=300_000)
    for lane in (Lane.CHECKPOINTS, Lane.EVENTS, Lane.METRICS):
        spool.append(lane, lines(lane, 100))
    assert (tally["dropped"], spool.on_disk) == (100, 200)
    spool.append(Lane.CHECKPOINTS, lines(Lane.CHECKPOINTS, 100))
    assert (tally["dropped"], spool.on_disk) == (200, 200)
    taken = [segment.lane for segment in iter(spool.take, None)]
    assert taken == [Lane.CHECKPOINTS, Lane.CHECKPOINTS]
    spool.close()


@pytest.mark.parametrize("length", [10, 5_000, 150_000])
def test_a_segment_is_at_most_one_request(tmp_path: Path, length: int) -> None:
    item = about("metrics", "crawler", "main", AT, values={"x" * length: 1.0})
    line = encoded(Entry(lane=Lane.METRICS, source_url=STORE, item=item))
    spool, _ = a_spool(tmp_path)
    for count in (1, 7, 250):
        spool.append(Lane.METRICS, [line] * count)
    found = [(segment.left, segment.size) for segment in iter(spool.take, None)]
    assert sum(left for left, _ in found) == 258
    assert all(left <= MAX_ITEMS and size <= MAX_BYTES for left, size in found)
    spool.close()


def test_what_is_adopted_never_pushes_anything_out(tmp_path: Path) -> None:
    for _ in range(3):
        dead, _ = a_spool(tmp_path)
        dead.append(Lane.EVENTS, lines(Lane.EVENTS, 100))
        dead.close()
    spool, tally = a_spool(tmp_path, spool_bytes=250_000)
    adopted = []
    while spool.adopt():
        adopted.append(spool.on_disk)
        spool.append(Lane.METRICS, lines(Lane.METRICS, 1))
        for segment in iter(spool.take, None):
            spool.finish(segment)
    assert (adopted, tally["dropped"]) == ([200, 100], 0)
    spool.close()


def test_memory_is_bounded_too_where_there_is_no_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    spool, tally = a_spool(tmp_path / "file", memory_bytes=250_000)
    spool.append(Lane.METRICS, lines(Lane.METRICS, 500))
    assert spool.on_disk == 0
    assert tally["spool_errors"] > 0
    assert spool.in_memory + tally["dropped"] == 500
    assert 100 <= spool.in_memory <= 260


@pytest.mark.parametrize("limit", [0, 700, 5_000])
def test_a_full_disk_loses_nothing_while_the_dashboard_is_there(
    dashboard: Dashboard, spool: Path, limit: int
) -> None:
    agent = run(FULL_DISK, dashboard.url, spool, limit)
    told, _ = agent.communicate(timeout=60)
    assert told.split() == ["50", "0", "True"]
    assert len(dashboard.items) == 50


def test_a_spool_that_cannot_be_made_is_said_once_and_does_without(
    dashboard: Dashboard, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    reporter = Reporter(dashboard.url, "hf_secret", spool=tmp_path / "file" / "spool")
    report(reporter, range(20))
    reporter.close()
    assert len(dashboard.items) == 20
    assert caplog.text.count("reports wait in memory") == 1


def test_a_spool_that_was_removed_is_made_anew(
    dashboard: Dashboard, spool: Path, reporters: Reporters
) -> None:
    dashboard.always = 503
    reporter = reporters()
    report(reporter, range(3))
    until(lambda: reporter.counters.spooled == 3)
    shutil.rmtree(spool)
    report(reporter, range(3, 5))
    until(lambda: len(list(spool.rglob(f"*{SUFFIX}"))) == 1)
    dashboard.always = None
    until(lambda: len(dashboard.items) >= 2)
    reporter.close()


def test_what_found_no_room_goes_to_the_disk_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.write_text("in the way")
    spool, _ = a_spool(folder)
    spool.append(Lane.EVENTS, lines(Lane.EVENTS, 3))
    folder.unlink()
    spool.close()
    assert (spool.on_disk, spool.in_memory) == (3, 0)
    found = [path for path in folder.rglob(f"*{SUFFIX}") if path.read_bytes().count(b"\n") == 3]
    assert len(found) == 1
