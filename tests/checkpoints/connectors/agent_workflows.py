"""Folders of Microsoft Agent Framework, and its own storage and workflows at work in them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from agent_framework import (
    Executor,
    FileCheckpointStorage,
    Workflow,
    WorkflowBuilder,
    WorkflowCheckpoint,
    WorkflowContext,
    handler,
)

WORKFLOW = "counter-workflow"
GRAPH = "36f12b2d2f32deb2700311a92c92b441cbdabe6e461666dfacb476981900e336"


class Counter(Executor):
    """Adds what it is told to a total, and tells another to add one less."""

    @handler
    async def count(self, number: int, ctx: WorkflowContext[int]) -> None:
        ctx.set_state("total", (ctx.get_state("total") or 0) + number)
        if number > 0:
            await ctx.send_message(number - 1)


def workflow(folder: Path, name: str = WORKFLOW) -> Workflow:
    """Build a workflow that saves into a folder."""
    first, second = Counter(id="a"), Counter(id="b")
    builder = WorkflowBuilder(
        start_executor=first, name=name, checkpoint_storage=FileCheckpointStorage(folder)
    )
    return builder.add_edge(first, second).add_edge(second, first).build()


def run(folder: Path, number: int = 5, name: str = WORKFLOW) -> list[str]:
    """Have a workflow count down; return the ids of its checkpoints, oldest first."""
    asyncio.run(_ran(workflow(folder, name), message=number))
    return [found.checkpoint_id for found in listed(folder, name)]


def resume(folder: Path, name: str = WORKFLOW) -> WorkflowCheckpoint:
    """Have a workflow go on from its latest checkpoint to its end; return the one it ends with."""
    checkpoint_id = latest(folder, name).checkpoint_id
    asyncio.run(_ran(workflow(folder, name), checkpoint_id=checkpoint_id))
    return latest(folder, name)


async def _ran(built: Workflow, **given: Any) -> None:
    await built.run(**given)


def listed(folder: Path, name: str = WORKFLOW) -> list[WorkflowCheckpoint]:
    """Return a workflow's checkpoints as the framework lists them, oldest first."""
    found = asyncio.run(FileCheckpointStorage(folder).list_checkpoints(workflow_name=name))
    return sorted(found, key=lambda checkpoint: checkpoint.timestamp)


def latest(folder: Path, name: str = WORKFLOW) -> WorkflowCheckpoint:
    """Return what the framework takes for a workflow's latest checkpoint."""
    found = asyncio.run(FileCheckpointStorage(folder).get_latest(workflow_name=name))
    assert found is not None
    return found


def saved(folder: Path, *, name: str = WORKFLOW, **values: Any) -> str:
    """Have the framework's storage save a checkpoint; return its id."""
    checkpoint = WorkflowCheckpoint(workflow_name=name, graph_signature_hash=GRAPH, **values)
    return asyncio.run(FileCheckpointStorage(folder).save(checkpoint))
