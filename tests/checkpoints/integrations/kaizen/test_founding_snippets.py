"""The snippets of Kaizen's own documents run with the names that the migration guide lists."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kaizen.core.autonomy.hooks import HookEvent, HookManager, HookResult
from kaizen.strategies.multi_cycle import MultiCycleStrategy
from kaizen_agents.agents.autonomous.base import AutonomousConfig, BaseAutonomousAgent

from checkpoints.integrations.kaizen import HoldfastStateManager, HoldfastStorage
from tests.checkpoints.integrations.kaizen.agents import TaskSignature
from tests.docs.markdown import ROOT

DOCUMENTS = {"kaizen_checkpoint_skill.md": 13, "kaizen_checkpoint_summary.md": 10}
"""The documents, and how many snippets each has."""

RENAMED = {
    "from kaizen.agents.autonomous.base import": "from kaizen_agents.agents.autonomous.base import",
    "from kaizen.core.autonomy.state.storage import FilesystemStorage": "from "
    "checkpoints.integrations.kaizen import HoldfastStorage",
    "from kaizen.core.autonomy.state.manager import StateManager": "from "
    "checkpoints.integrations.kaizen import HoldfastStateManager",
    " FilesystemStorage(": " HoldfastStorage(",
    " StateManager(": " HoldfastStateManager(",
}
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets(folder: Path, name: str) -> list[str]:
    page = folder.parent / "design" / "seeds" / name
    if not page.is_file():
        pytest.skip(f"the document is not here: {page.name}")
    return _BLOCK.findall(page.read_text())


def renamed(snippet: str) -> str:
    for old, new in RENAMED.items():
        snippet = snippet.replace(old, new)
    snippet = snippet.replace("Agent(...,", "Agent(config=config, signature=signature,")
    return re.sub(r",\s*\.\.\.\s*\)", ")", snippet)


def test_the_migration_guide_lists_each_name_that_changes() -> None:
    page = (ROOT / "docs/guides/migrating.md").read_text()
    for old, new in RENAMED.items():
        for line in (old, new):
            words = re.sub(r"^from | import|\($", " ", line).split()
            assert ".".join(words) in page


async def my_hook(context: Any) -> HookResult:
    return HookResult(success=True)


def given() -> dict[str, Any]:
    """What a snippet takes for granted because the document has shown it before."""
    storage = HoldfastStorage()
    return {
        **{one.__name__: one for one in (AutonomousConfig, BaseAutonomousAgent, HookManager)},
        **{one.__name__: one for one in (HookEvent, HoldfastStorage, HoldfastStateManager)},
        "TaskSignature": TaskSignature,
        "signature": TaskSignature(),
        "config": AutonomousConfig(),
        "hook_manager": HookManager(),
        "HookResult": HookResult,
        "my_hook": my_hook,
        "storage": storage,
        "state_manager": HoldfastStateManager(storage=storage),
        "agent": BaseAutonomousAgent(
            config=AutonomousConfig(),
            signature=TaskSignature(),
            state_manager=HoldfastStateManager(storage=storage),
        ),
    }


@pytest.fixture(autouse=True)
def _agent_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of its own, a model that answers at once, and the signals as they were."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        MultiCycleStrategy, "execute", lambda *_, **__: {"answer": "42", "tool_calls": []}
    )
    taken = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in taken.items():
        signal.signal(number, handler)


def run(snippet: str) -> dict[str, Any]:
    names = given()
    code = compile(snippet, "snippet", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    if inspect.iscoroutine(result):
        asyncio.run(result)
    return names


@pytest.mark.parametrize(
    ("name", "number"),
    [(name, number) for name, count in DOCUMENTS.items() for number in range(count)],
)
def test_a_snippet_runs(data_dir: Path, name: str, number: int) -> None:
    found = snippets(data_dir, name)
    assert len(found) == DOCUMENTS[name]
    names = run(renamed(found[number]))
    if "_autonomous_loop" in found[number]:
        assert names["result"]["answer"] == "42"
        listed = asyncio.run(names["agent"].state_manager.list_checkpoints("autonomous_agent"))
        assert listed[0].status == "completed"
