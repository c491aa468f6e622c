"""The command lines of what is supervised, the same in a container."""

from __future__ import annotations

import importlib.util
import sys

DEMO_MODULE = "dashboard.demo.__main__"
THREADS = 8


def web_command(*, bind: str, workers: int = 1, threads: int = THREADS) -> tuple[str, ...]:
    """Return the web server's command line; ``bind`` is ``host:port`` or ``fd://number``."""
    options = {
        "--bind": bind,
        "--worker-class": "gthread",
        "--workers": str(workers),
        "--threads": str(threads),
        "--timeout": "60",
        "--graceful-timeout": "5",
        "--log-level": "warning",
    }
    words = [word for option in options.items() for word in option]
    return (
        sys.executable,
        "-m",
        "gunicorn",
        "dashboard.wsgi:application",
        "--no-control-socket",
        *words,
    )


def worker_command(*, concurrency: int | None = None) -> tuple[str, ...]:
    """Return the worker's command line; pool and concurrency follow the broker unless told."""
    chosen = ("--concurrency", str(concurrency)) if concurrency else ()
    quiet = ("--without-mingle", "--without-gossip", "--without-heartbeat")
    command = (sys.executable, "-m", "celery", "-A", "dashboard.celery", "-q", "worker")
    return (*command, "--loglevel", "WARNING", *quiet, *chosen)


def demo_command() -> tuple[str, ...] | None:
    """Return the demo's command line, or None where it is not installed."""
    try:
        found = importlib.util.find_spec(DEMO_MODULE)
    except ModuleNotFoundError:
        return None
    return (sys.executable, "-m", "dashboard.demo") if found else None
