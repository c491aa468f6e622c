"""What type checkers tell those who use the SDK; mypy reads this file, strictly, with the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, assert_type

import checkpoints
from checkpoints import (
    Checkpoint,
    CheckpointGroup,
    CheckpointManager,
    Directive,
    Effect,
    GroupCheckpoint,
    ReadableStore,
    ResilientCheckpointManager,
    ResumeStats,
    Store,
    open_native_store,
    open_store,
)
from checkpoints.integrations.plain import checkpointed, checkpointing
from checkpoints.stores.decorators import FallbackStore


def test_the_package_says_that_it_is_typed() -> None:
    assert files("checkpoints").joinpath("py.typed").is_file()


def test_methods_and_their_aio_have_the_same_types(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"

    async def agent() -> None:
        async with CheckpointManager("agent", store=url) as manager:
            assert_type(await manager.resume.aio(), dict[str, Any] | None)
            saved = assert_type(await manager.create_checkpoint.aio("routine", {}), Checkpoint)
            assert_type(await manager.fields.aio(saved), Mapping[str, Any])
            async with manager.operation("deploy") as before:
                assert_type(before, Checkpoint)

    asyncio.run(agent())
    with ResilientCheckpointManager("agent", store=url, checkpoint_frequency=1) as manager:
        assert_type(manager, ResilientCheckpointManager)
        assert_type(manager.resume(), dict[str, Any] | None)
        assert_type(manager.checkpoint_if_due(step_name="read"), Checkpoint | None)
        assert_type(manager.history(5), list[Checkpoint])
        assert_type(manager.next_directive(), Directive | None)
        assert_type(manager.record_effect("mail", "17"), Effect)
        assert_type(manager.resume_stats(), ResumeStats)
        assert_type(CheckpointGroup([manager]).checkpoint(), GroupCheckpoint)
        with manager.run() as run:
            assert_type(run.state, dict[str, Any] | None)
    assert_type(open_store(url), ReadableStore)
    store = assert_type(open_native_store(url), Store)
    CheckpointManager("agent", store=FallbackStore(store, open_native_store("memory://"))).close()


def test_a_decorated_function_keeps_its_parameters(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"

    @checkpointed("billing", store=url, thread="order-{order}")
    def bill(manager: CheckpointManager, order: int, *, note: str = "") -> str:
        return f"{order}{note}"

    @checkpointed("billing", store=url)
    async def bill_later(manager: CheckpointManager, order: int) -> str:
        return str(order)

    assert_type(bill(17, note="!"), str)
    assert asyncio.run(bill_later(17)) == "17"
    with checkpointing("crawler", store=url) as manager:
        assert_type(manager, CheckpointManager)


def test_wrong_uses_are_found(tmp_path: Path) -> None:
    """Each line needs its ``type: ignore``: were it right, mypy would call that one unused."""

    def wrong(manager: CheckpointManager) -> None:
        manager.create_checkpoint(1)  # type: ignore[arg-type]
        manager.checkpoint_if_due(stepname="x")  # type: ignore[call-arg]
        CheckpointManager("agent", durability="never")  # type: ignore[arg-type]
        checkpointed("agent", every=5)  # type: ignore[call-arg]

    assert callable(wrong)


def test_every_public_name_is_documented() -> None:
    values = {"KINDS", "State"}
    named = [name for name in checkpoints.__all__ if name not in values]
    assert [name for name in named if not getattr(checkpoints, name).__doc__] == []
