"""The power is cut while an agent saves: what it was told is saved, is on the disk."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.stores.children import first_line_of, start
from tests.faults.stores.conftest import url_in
from tests.faults.stores.cutting import copy_image, read_for
from tests.faults.stores.disks import Disks
from tests.faults.stores.saver import THREADS
from tests.faults.stores.states import findings_of, found_in, opened, save

CUTS = 5
SECONDS = 0.3
MEGABYTES = 48

Saves = dict[str, dict[str, int]]


@pytest.fixture
def image(disks: Disks) -> Path:
    return disks.new_image("disk.img", MEGABYTES)


@pytest.fixture
def running(kind: str, disks: Disks, image: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that saves on the disk until the test is over."""
    process = start("saver", url_in(disks.image(image), kind))
    assert first_line_of(process) == "ready\n"
    yield process
    process.kill()
    process.wait()


def test_every_acknowledged_save_survives_a_power_cut(
    kind: str, running: subprocess.Popen[str], disks: Disks, image: Path
) -> None:
    acknowledged: Saves = {thread: {} for thread in THREADS}
    for number in range(CUTS):
        for text in read_for(running, SECONDS):
            thread, saved, checkpoint_id = text.split()
            acknowledged[thread][checkpoint_id] = int(saved)
        copy = image.with_name(f"cut-{number}.img")
        copy_image(image, copy)
        running.send_signal(signal.SIGCONT)
        require_recovered(disks, copy, kind, acknowledged)
    assert sum(map(len, acknowledged.values())) > CUTS


def require_recovered(disks: Disks, copy: Path, kind: str, acknowledged: Saves) -> None:
    """Start from the copy, as after the cut."""
    place = disks.image(copy)
    store = opened(url_in(place, kind))
    for thread, saves in acknowledged.items():
        found = found_in(store, thread)
        assert found.wrong == ()
        assert saves.keys() <= set(found.ids)
        assert (found.head or 0) == len(found.numbers) >= max(saves.values(), default=0)
        save(store, thread, len(found.numbers) + 1)
    assert findings_of(store) == []
    store.close()
    disks.unmount(place)


def test_what_was_never_flushed_is_lost_to_such_a_cut(disks: Disks, image: Path) -> None:
    """Otherwise the test above could not fail."""
    place = disks.image(image)
    (place / "hoped").write_bytes(b"that nobody pulls the plug" * 100)
    copy = image.with_name("cut.img")
    copy_image(image, copy)
    hoped = disks.image(copy) / "hoped"
    assert not hoped.exists() or hoped.read_bytes() == b""
