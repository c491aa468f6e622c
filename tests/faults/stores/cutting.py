"""Cutting the power: the image of a disk is copied while a process that saves stands still.

Only what the process flushed is in the image; what the kernel holds back for the mounted file
system is lost to the copy, as in a power cut. The file system is not frozen for it, since
freezing flushes.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import time
from pathlib import Path


def read_for(process: subprocess.Popen[str], seconds: float) -> list[str]:
    """Read what a process writes for some time, then stop it; return its whole lines."""
    assert process.stdout is not None
    handle = process.stdout.fileno()
    data = _drained(handle, until=time.monotonic() + seconds)
    process.send_signal(signal.SIGSTOP)
    _wait_until_stopped(process.pid)
    data += _drained(handle, until=time.monotonic())
    return data.decode().splitlines()


def copy_image(image: Path, copy: Path) -> None:
    """Copy the bytes that are on the disk now."""
    shutil.copyfile(image, copy)


def _drained(handle: int, *, until: float) -> bytes:
    parts = []
    with selectors.DefaultSelector() as selector:
        selector.register(handle, selectors.EVENT_READ)
        while selector.select(max(0.0, until - time.monotonic())):
            parts.append(os.read(handle, 65_536))
            if not parts[-1]:
                break
            if time.monotonic() > until + 1:
                break
    return b"".join(parts)


def _wait_until_stopped(process_id: int) -> None:
    """A thread that is flushing stops only when the disk has answered."""
    tasks = Path("/proc") / str(process_id) / "task"
    deadline = time.monotonic() + 20
    while not all(_state(task) == "T" for task in tasks.iterdir()):
        assert time.monotonic() < deadline, "the process does not stand still"
        time.sleep(0.002)


def _state(task: Path) -> str:
    return (task / "stat").read_text().rpartition(")")[2].split()[0]
