"""Spools into which somebody else can write: nothing outside is touched, nothing of theirs sent."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import pytest

from checkpoints.identifiers import new_id
from checkpoints.reporting import Reporter
from checkpoints.reporting.leftovers import leftovers
from checkpoints.reporting.segments import SUFFIX
from checkpoints.reporting.spool import ADDRESS
from tests.checkpoints.dashboards import Dashboard, until
from tests.checkpoints.reporting.conftest import STORE, Reporters, report
from tests.checkpoints.reporting.test_inbox import directive

EVIL = b'{"source": "sqlite:////evil.db", "item": {"id": "evil", "type": "failure"}}'


def line(text: bytes) -> bytes:
    return b"%08x " % zlib.crc32(text) + text + b"\n"


def destination(reporter: Reporter) -> Path:
    """Return the part of the spool for the reporter's dashboard, made as a reporter makes it."""
    folder = reporter._settings.destination
    folder.mkdir(parents=True, mode=0o700)
    return folder


def plant(folder: Path, data: bytes = line(EVIL)) -> Path:
    """Leave a segment as a dead process would."""
    folder.mkdir(mode=0o700)
    segment = folder / f"{new_id()}-events{SUFFIX}"
    segment.write_bytes(data)
    return segment


def sends_alone(dashboard: Dashboard, reporter: Reporter) -> None:
    """Check that a reporter sends its own report and nothing else."""
    report(reporter, range(1))
    until(lambda: reporter.counters.sent == 1)
    assert [item["type"] for item in dashboard.items.values()] == ["checkpoint"]


def test_a_link_to_a_folder_elsewhere_is_left_alone(
    dashboard: Dashboard, reporters: Reporters, tmp_path: Path
) -> None:
    elsewhere = plant(tmp_path / "elsewhere")
    reporter = reporters()
    (destination(reporter) / new_id()).symlink_to(elsewhere.parent)
    sends_alone(dashboard, reporter)
    assert list(elsewhere.parent.iterdir()) == [elsewhere]


def test_a_link_in_the_place_of_the_spool_is_not_followed(
    dashboard: Dashboard, reporters: Reporters, tmp_path: Path
) -> None:
    reporter = reporters()
    folder = destination(reporter)
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    sends_alone(dashboard, reporter)
    assert reporter.counters.spool_errors
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_spool_into_which_others_can_write_is_not_used(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    reporter = reporters()
    folder = destination(reporter)
    planted = plant(folder / new_id())
    folder.chmod(0o777)
    sends_alone(dashboard, reporter)
    assert planted.exists()


def test_what_another_user_left_is_not_sent(
    dashboard: Dashboard, reporters: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = reporters()
    planted = plant(destination(reporter) / new_id())
    me = os.geteuid()
    monkeypatch.setattr("checkpoints.reporting.ownership.os.geteuid", lambda: me + 1)
    sends_alone(dashboard, reporter)
    assert planted.exists()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "lock", "lane"])
def test_what_is_no_segment_is_not_opened(
    dashboard: Dashboard, reporters: Reporters, tmp_path: Path, kind: str
) -> None:
    reporter = reporters()
    segment = plant(destination(reporter) / new_id())
    target = tmp_path / "target"
    if kind == "lane":
        segment.rename(segment.with_name(f"{new_id()}-secrets{SUFFIX}"))
    elif kind == "lock":
        (segment.parent / "lock").symlink_to(target)
    else:
        segment.unlink()
    if kind == "link":
        target.write_bytes(line(EVIL))
        segment.symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(segment)
    elif kind == "folder":
        segment.mkdir()
    sends_alone(dashboard, reporter)
    assert target.exists() == (kind == "link")


@pytest.mark.parametrize(
    "text",
    [b"{", b"[]", b"{}", b'{"source": 1, "item": {}}', b'{"source": "s", "item": []}', b"\xff"],
)
def test_a_line_that_is_no_report_costs_itself_alone(
    dashboard: Dashboard, reporters: Reporters, text: bytes
) -> None:
    reporter = reporters()
    plant(destination(reporter) / new_id(), line(text))
    sends_alone(dashboard, reporter)
    assert reporter.counters.dropped == 1


def test_an_item_of_another_form_ends_no_reporting(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    reporter = reporters()
    item = {"id": "x", "type": "failure", "checkpoint": [], "agent_id": 5}
    text = json.dumps({"source": STORE, "item": item}).encode()
    plant(destination(reporter) / new_id(), line(text))
    dashboard.directives = [directive()]
    report(reporter, range(1))
    until(lambda: reporter.counters.sent == 2)


def test_looking_at_a_spool_leaves_other_users_folders_alone(
    reporters: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = reporters()
    folder = destination(reporter)
    planted = plant(folder / new_id())
    (folder / ADDRESS).write_bytes(b"http://caf\xe9\n")
    assert [one.path for one in leftovers(folder.parent)] == [planted.parent]
    (planted.parent / "lock").unlink()
    me = os.geteuid()
    monkeypatch.setattr("checkpoints.reporting.ownership.os.geteuid", lambda: me + 1)
    assert leftovers(folder.parent) == []
    assert list(planted.parent.iterdir()) == [planted]
