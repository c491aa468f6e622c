"""One message by Apprise in a process of its own, which ends when its time or memory is up.

Apprise reads an answer whole, however long it takes and is: a server of a user's own could hold a
worker up for ever. Run as a script: it reads what to send from its input, so that no list of
processes shows it, and writes what came of it.
"""

from __future__ import annotations

import json
import logging
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

MORE_MEMORY = 64 << 20
"""Bytes that the process may take beside what Apprise itself takes."""
MOST_LINES = 5


def asset(apprise: Any) -> Any:
    """Return how Apprise is to work: no redirects, no files, no plug-ins."""
    return apprise.AppriseAsset(
        plugin_paths=[],
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        app_id="Holdfast",
        app_desc="Holdfast",
        http_redirects=False,
        secure_logging=True,
        async_mode=False,
        interpret_escapes=False,
        interpret_emojis=False,
    )


def send_apart(
    *, url: str, title: str, body: str, urgent: bool, timeout: float, seconds: float
) -> tuple[bool, list[str]] | None:
    """Return whether a message was taken, and what Apprise says of it.

    ``timeout`` is for each step, ``seconds`` for all of it; None when it was broken off.
    """
    asked = {"url": url, "title": title, "body": body, "urgent": urgent, "timeout": timeout}
    try:
        done = subprocess.run(  # noqa: S603 - this very file
            [sys.executable, "-I", str(Path(__file__).resolve())],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return bool(answer["taken"]), [str(line) for line in answer["said"]]


class _Said(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.lines) < MOST_LINES:
            self.lines.append(record.getMessage())


def _main() -> None:
    apprise: Any = import_module("apprise")
    asked, said = json.load(sys.stdin), _Said()
    plugin = apprise.Apprise.instantiate(
        asked["url"], asset=asset(apprise), suppress_exceptions=True
    )
    logging.getLogger("apprise").addHandler(said)
    kinds = apprise.NotifyType
    plugin.socket_connect_timeout = plugin.socket_read_timeout = asked["timeout"]
    _bound_memory()
    taken = plugin.notify(
        title=asked["title"],
        body=asked["body"],
        notify_type=kinds.FAILURE if asked["urgent"] else kinds.WARNING,
        body_format=apprise.NotifyFormat.TEXT,
    )
    sys.stdout.write(json.dumps({"taken": bool(taken), "said": said.lines}))


def _bound_memory() -> None:
    pages = Path("/proc/self/statm")
    if pages.exists():
        taken = int(pages.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MORE_MEMORY, taken + MORE_MEMORY))


if __name__ == "__main__":
    _main()
