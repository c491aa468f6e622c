"""Folders of documents, and what can be seen of them from outside."""

from __future__ import annotations

import shutil
from pathlib import Path


def copied(source: Path, target: Path) -> Path:
    """Copy a folder of the samples to where it may be written to."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    return target


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def look_of(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return what a reader could have changed of a folder and everything in it."""
    paths = (folder, *sorted(folder.rglob("*")))
    looks = ((str(path), path.lstat()) for path in paths)
    return {name: (s.st_mtime_ns, s.st_ctime_ns, s.st_size) for name, s in looks}
