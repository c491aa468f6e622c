"""One supervisor per data folder, one listener per port."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

LOCK_NAME = "up.lock"
PORT_NAME = "up.port"
USUAL_PORT = 8000
BACKLOG = 128


class CannotStart(Exception):
    """Holdfast was not started, and nothing was begun; the message says why and what to do."""


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data folder. Raises CannotStart while another supervisor does."""
    handle = os.open(data_dir / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    with os.fdopen(handle, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(_already_running(data_dir, lock.read())) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises CannotStart when it is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotStart(
            f"Port {port} cannot be used: {error.strerror}. Nothing was started. "
            f"Stop what runs there, or choose another port: holdfast up --port {port + 1}"
        ) from None
    listener.listen(BACKLOG)
    return listener


def remember_port(data_dir: Path, port: int) -> None:
    """Write down where the web listens, for commands that print its address."""
    handle = os.open(data_dir / PORT_NAME, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f"{port}\n")


def last_port(data_dir: Path) -> int:
    """Return where the web of a data folder listens, or listened last."""
    try:
        return int((data_dir / PORT_NAME).read_text())
    except (OSError, ValueError):
        return USUAL_PORT


def _already_running(data_dir: Path, holder: str) -> str:
    return (
        f"Holdfast already runs on {data_dir}, as process {holder.strip() or 'unknown'}. "
        "Nothing was started. Stop it, or choose another folder: holdfast up --data-dir FOLDER"
    )
