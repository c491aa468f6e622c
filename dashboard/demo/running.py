"""Starting the demo: stores in the data folder, agents in threads, both shown as sources."""

from __future__ import annotations

import logging
import shutil
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path

from dashboard.demo.agents import demo_agents
from dashboard.demo.loop import AgentLoop
from dashboard.services import login, sources

logger = logging.getLogger("holdfast.demo")

SUPPORT_STORE = Path(__file__).resolve().parents[2] / "examples" / "langgraph_support.sqlite"
"""A LangGraph file that comes with the project; the demo works on a copy of it."""


def run(data_dir: Path) -> None:
    """Run the demo agents until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    folder = data_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder}/agents.db"
    loops = [AgentLoop(agent, url) for agent in demo_agents()]
    for loop in loops:
        loop.begin()
    _show(url, "Demo agents")
    _show_support_desk(folder)
    threads = [threading.Thread(target=loop.run, args=(stop,)) for loop in loops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _show_support_desk(folder: Path) -> None:
    copy = folder / SUPPORT_STORE.name
    if not copy.exists() and SUPPORT_STORE.exists():
        shutil.copyfile(SUPPORT_STORE, copy)
    if copy.exists():
        _show(f"langgraph+sqlite:///{copy}", "Support desk (LangGraph)")


def _show(url: str, name: str) -> None:
    """Register a store as a source, unless it already is one."""
    user = login.first_administrator()
    try:
        sources.add_source(user=user, url=url, name=name, now=datetime.now(UTC))
    except sources.SourceRefused as error:
        logger.debug("%s was not added: %s", name, error)
