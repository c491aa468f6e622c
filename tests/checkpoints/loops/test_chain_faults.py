"""What goes wrong beside a chain's callables never takes the place of what they raised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from checkpoints import CheckpointManager, Directive, Kind, Strategy
from checkpoints.errors import CheckpointError, HeadMoved, TransientStoreError
from checkpoints.loops import Chain, Feedback, Thought
from checkpoints.recovery import Outcome, RecoveryAction
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import NOON, FaultyStore


def failing(*errors: BaseException | None) -> Callable[[str], str]:
    """Return a model that raises these in turn, and then answers."""
    left = iter(errors)

    def model(question: str) -> str:
        error = next(left, None)
        if error is not None:
            raise error
        return f"an answer to {question}"

    return model


def chain(using: Callable[..., Any], store: MemoryStore | FaultyStore, **options: Any) -> Chain:
    options = {"prompt": "p", "chain_id": "c-1", "sleep": lambda _: None, **options}
    return Chain(using, checkpoint_storage=store, **options)


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_that_cannot_be_read_is_raised_as_it_is(store: MemoryStore) -> None:
    with pytest.raises(Unreadable):
        chain(failing(*[Unreadable()] * 9), store).run_with_recovery()


class TakesNoNote(Exception):
    def add_note(self, note: str, /) -> None:
        raise RuntimeError(f"no place for {note}")


def test_an_error_that_takes_no_note_is_raised_without_one(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TakesNoNote):
        chain(failing(*[TakesNoNote()] * 9), store).run_with_recovery()
    assert "not recovered" in caplog.text


def test_an_error_that_is_raised_again_and_again_is_noted_once(store: MemoryStore) -> None:
    same = TimeoutError("no answer")
    for _ in range(2):
        with pytest.raises(TimeoutError):
            chain(failing(*[same] * 9), store).run_with_recovery()
    assert len(same.__notes__) == 1


def test_a_note_does_not_say_that_a_chain_was_saved_which_was_not() -> None:
    store = FaultyStore(MemoryStore())

    def model(_question: str) -> str:
        store.fail("put", error=TransientStoreError("away"))
        raise KeyError("mine")

    with pytest.raises(KeyError) as raised:
        chain(model, store).run_with_recovery()
    (note,) = raised.value.__notes__
    assert note.endswith("; it was not saved")


def test_parts_of_one_name_are_all_asked_whatever_the_name(store: MemoryStore) -> None:
    class Named:
        name = "length#1"

        def __call__(self, _thought: Thought) -> bool:
            return True

    done = chain(failing(), store)
    for _ in range(3):
        done.validate_with(Named())
    results = done.run().validation_results
    assert [result.name for result in results] == ["length#1", "length#1#2", "length#1#3"]


def test_a_text_is_not_taken_for_several_suggestions() -> None:
    with pytest.raises(TypeError, match="a tuple of texts"):
        Feedback(suggestions="Say more.")  # type: ignore[arg-type]


def test_a_history_that_cannot_be_read_leaves_the_experts_order() -> None:
    store = FaultyStore(MemoryStore())
    store.fail("entries", error=TransientStoreError("away"), times=99)
    assert chain(failing(TimeoutError()), store).run_with_recovery().text
    assert chain(failing(), store).get_recovery_suggestions(TimeoutError())


def test_a_restore_that_fails_gives_way_to_the_next_suggestion(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_target: object) -> dict[str, Any]:
        raise TransientStoreError("away")

    loses = chain(failing(*[RuntimeError("strange")] * 9), store)
    monkeypatch.setattr(loses.manager, "restore_checkpoint", broken)
    with pytest.raises(RuntimeError, match="strange"):
        loses.run_with_recovery()


@pytest.mark.parametrize(
    "error",
    [
        TransientStoreError("the model's own store is away"),
        HeadMoved("an inner agent's head moved", expected=None, actual=None),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_callable_may_raise_errors_of_checkpoints_too(
    store: MemoryStore, error: CheckpointError
) -> None:
    recovers = chain(failing(error), store)
    assert recovers.run_with_recovery().text
    saved = [record for record in recovers.manager.history() if record.kind is Kind.RECOVERY]
    assert [record.metadata["error"]["type"] for record in saved] == [type(error).__name__]


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_context_factor": "half"},
        {"max_context_factor": float("nan")},
        {"max_context_factor": -1},
        {"max_improvement_iterations": "many"},
        {"max_improvement_iterations": True},
    ],
    ids=str,
)
def test_a_parameter_that_means_nothing_is_not_applied(
    store: MemoryStore, parameters: dict[str, Any]
) -> None:
    done = chain(failing(), store, retriever=lambda _: ["one", "two"])
    done.run()
    action = RecoveryAction(
        strategy=Strategy.MODIFY_PARAMETERS, description="", confidence=0.5, parameters=parameters
    )
    assert not done._apply_recovery_action(action)
    assert done.get_checkpoint_history()[-1].thought.context == ("one", "two")


def test_a_chain_that_is_complete_has_recovered_however_it_came_there(store: MemoryStore) -> None:
    """Begun anew it is done in an earlier iteration than the one that had failed."""
    verdicts: Iterator[Any] = iter([False, LookupError("strange"), True])

    def validator(_thought: Thought) -> bool:
        verdict = next(verdicts)
        if isinstance(verdict, Exception):
            raise verdict
        return bool(verdict)

    done = chain(failing(), store).validate_with(validator)
    done.recovery.suggest = lambda *_args, **_more: [  # type: ignore[method-assign]
        RecoveryAction(strategy=Strategy.FULL_RESTART, description="", confidence=0.5)
    ]
    assert done.run_with_recovery().iteration == 0
    (event,) = done.recovery.get_recovery_history("c-1")
    assert event["outcome"] == Outcome.RECOVERED


@pytest.mark.parametrize(
    "strategy", [Strategy.RETRY_CURRENT_STEP, Strategy.SKIP_TO_NEXT, Strategy.RESTORE_CHECKPOINT]
)
def test_a_directive_for_a_chain_that_is_complete_leaves_it_complete(
    store: MemoryStore, strategy: Strategy
) -> None:
    done = chain(failing(), store)
    done.run()
    store.set_head(
        done.manager.history()[0],
        expected=done.manager.history()[0].id,
        now=NOON,
        operation_id="operation-1",
        reason="a directive",
        directive=Directive(strategy=strategy),
    )
    again = chain(failing(), store)
    assert again.run_with_recovery().text
    head = again.manager.history()[0]
    assert (head.status, head.metadata["directive"]["strategy"]) == ("completed", strategy)


def test_a_chain_that_saves_in_the_background_is_durable_when_it_ends(store: MemoryStore) -> None:
    manager = CheckpointManager("chain", store=store, thread="c-1", durability="async")
    Chain(failing(), prompt="p", manager=manager).run()
    head = store.head("chain", "c-1")
    assert head is not None
    assert store.get(head.checkpoint_id).status == "completed"


def test_what_cannot_be_called_is_refused_at_once(store: MemoryStore) -> None:
    with pytest.raises(TypeError, match="model must be callable"):
        chain("anthropic:claude", store)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="validator must be callable"):
        chain(failing(), store).validate_with(object())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="critic must be callable"):
        chain(failing(), store).improve_with(object())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="retriever must be callable"):
        chain(failing(), store).with_retriever(["text"])  # type: ignore[arg-type]
