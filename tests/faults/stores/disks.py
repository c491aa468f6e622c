"""Disks that can be filled, frozen and copied: tmpfs, read-only views and ext4 images."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.faults.stores.missing import missing


class Disks:
    """Mounts below one folder, undone in reverse order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mounted: list[Path] = []

    def tmpfs(self, kilobytes: int) -> Path:
        """Mount an empty disk of a size in memory."""
        return self._mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs")

    def image(self, path: Path) -> Path:
        """Mount an image of an ext4 file system. It commits only what is asked for, or late."""
        return self._mount("-t", "ext4", "-o", "loop,commit=300", str(path))

    def read_only(self, folder: Path) -> Path:
        """Mount a view of a folder through which nothing can be written."""
        view = self._mount("--bind", str(folder))
        _needed("mount", "-o", "remount,ro,bind", str(view))
        return view

    def new_image(self, name: str, megabytes: int) -> Path:
        """Make the image of an empty ext4 file system."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / name
        with path.open("wb") as file:
            file.truncate(megabytes * 1024**2)
        _needed("mkfs.ext4", "-q", "-F", str(path))
        return path

    def unmount(self, place: Path) -> None:
        """Undo one mount."""
        _run("umount", str(place))
        self._mounted.remove(place)

    def undo(self) -> None:
        """Undo every mount."""
        for place in reversed(self._mounted):
            _run("umount", "-l", str(place))
        self._mounted.clear()

    def _mount(self, *what: str) -> Path:
        place = self._folder / f"mount-{len(self._mounted)}-{len(list(self._folder.glob('*')))}"
        place.mkdir(parents=True)
        _needed("mount", *what, str(place))
        self._mounted.append(place)
        return place


def _needed(program: str, *arguments: str) -> None:
    """Run what only some machines and users can."""
    if shutil.which(program) is None:
        missing(program, "it is not installed")
    done = _done(program, *arguments)
    if done.returncode:
        missing(f"Leave to {program}", done.stderr.strip())


def _run(program: str, *arguments: str) -> None:
    done = _done(program, *arguments)
    assert done.returncode == 0, f"{program}: {done.stderr.strip()}"


def _done(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
