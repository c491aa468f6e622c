"""The same methods from asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading

import pytest

from checkpoints import CheckpointGroup, CheckpointManager, HookContext, Kind, Status, Store


def test_every_method_that_reads_or_writes_can_be_awaited(store: Store) -> None:
    async def agent() -> list[str]:
        async with CheckpointManager("agent-1", store=store) as manager:
            assert await manager.resume.aio() is None
            first = await manager.create_checkpoint.aio(state={"n": 1})
            async with manager.operation("deploy") as before:
                await manager.create_checkpoint.aio(state={"n": 2})
            assert before.kind is Kind.PRE_OPERATION
            async with manager.effect("mail", "1") as effect:
                assert not effect.done
            async with manager.batch():
                await manager.create_checkpoint.aio(state={"n": 3})
            assert await manager.restore_checkpoint.aio(first) == {"n": 1}
            cut = await CheckpointGroup([manager]).checkpoint.aio("cut")
            assert cut.name == "cut"
            return [record.kind for record in await manager.history.aio()]

    assert asyncio.run(agent()) == ["routine"] * 4


def test_a_run_can_be_awaited_and_its_exception_goes_on(store: Store) -> None:
    async def agent() -> None:
        manager = CheckpointManager("agent-1", store=store)
        async with manager.run():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(agent())
    assert CheckpointManager("agent-1", store=store).history()[0].status is Status.FAILED


def test_a_cancelled_run_is_interrupted(store: Store) -> None:
    async def agent(begun: asyncio.Event) -> None:
        async with CheckpointManager("agent-1", store=store).run():
            begun.set()
            await asyncio.sleep(60)

    async def main() -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(agent(begun))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert CheckpointManager("agent-1", store=store).history()[0].status is Status.INTERRUPTED


def test_the_loop_goes_on_while_a_save_waits(store: Store) -> None:
    """A before_save hook waits for a coroutine of the same loop: a blocked loop would time out."""
    manager = CheckpointManager("agent-1", store=store)
    let_go = threading.Event()
    waited: list[bool] = []

    @manager.hooks.on("before_save")
    def wait(_context: HookContext) -> None:
        waited.append(let_go.wait(20))

    async def agent() -> None:
        saving = asyncio.create_task(manager.create_checkpoint.aio(state={"n": 1}))
        await asyncio.sleep(0)
        let_go.set()
        await saving

    asyncio.run(agent())
    assert waited == [True]


def test_many_agents_save_at_once(store: Store) -> None:
    async def agent(number: int) -> int:
        manager = CheckpointManager(f"agent-{number}", store=store)
        for n in range(5):
            await manager.create_checkpoint.aio(state={"n": n})
        return len(await manager.history.aio())

    async def main() -> list[int]:
        return await asyncio.gather(*(agent(n) for n in range(10)))

    assert asyncio.run(main()) == [5] * 10


def test_readers_see_the_signature_and_the_words_of_the_method(manager: CheckpointManager) -> None:
    parameters = inspect.signature(manager.create_checkpoint).parameters
    assert list(parameters)[:2] == ["kind", "state"]
    assert (manager.create_checkpoint.__doc__ or "").startswith("Save the state")


def test_a_subclass_may_override_a_method_as_usual(store: Store) -> None:
    class Loud(CheckpointManager):
        calls = 0

        def create_checkpoint(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
            type(self).calls += 1
            return super().create_checkpoint(*args, **kwargs)  # type: ignore[arg-type]

    manager = Loud("agent-1", store=store)
    manager.create_checkpoint(state={})
    asyncio.run(manager.create_checkpoint.aio(state={}))  # type: ignore[attr-defined]
    with manager.run():
        pass
    assert Loud.calls == 3


def test_a_task_that_is_cancelled_while_it_enters_a_batch_leaves_none_open(store: Store) -> None:
    manager = CheckpointManager("agent-1", store=store)

    async def agent() -> None:
        async with manager.batch():
            pass

    async def main() -> None:
        with manager.held():  # the batch cannot begin before the task is cancelled
            task = asyncio.create_task(agent())
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    saved = manager.create_checkpoint(state={"n": 1})
    assert store.get(saved.id) == saved


def test_a_task_that_is_cancelled_while_it_leaves_waits_for_what_it_leaves(store: Store) -> None:
    manager = CheckpointManager("agent-1", store=store)

    async def agent() -> None:
        async with manager.batch():
            await manager.create_checkpoint.aio(state={"n": 1})

    async def main() -> None:
        for _ in range(20):
            task = asyncio.create_task(agent())
            await asyncio.sleep(0.001)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            manager.create_checkpoint(state={"alone": True})
            head = store.head("agent-1", "main")
            assert head and head.checkpoint_id == manager.history()[0].id  # noqa: PT018

    asyncio.run(main())
