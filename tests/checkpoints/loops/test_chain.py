"""Chains: their steps, what each checkpoint holds, and how they get over failures."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoints import CheckpointManager, Kind, Strategy
from checkpoints.errors import TransientStoreError
from checkpoints.loops import Chain, Feedback, Thought, ValidationResult, WaitingForHuman
from checkpoints.recovery import RecoveryAction, RecoveryLimits, RecoveryManager
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import FaultyStore
from tests.checkpoints.loops.conftest import Operator

ROOT = Path(__file__).resolve().parents[3]


class Flaky:
    """A callable that raises what it is told to, call by call, and answers otherwise."""

    def __init__(self, answer: Callable[..., Any], *errors: Exception | None) -> None:
        self.calls: list[object] = []
        self._answer = answer
        self._errors = iter(errors)

    def __call__(self, given: Any) -> Any:
        self.calls.append(given)
        error = next(self._errors, None)
        if error is not None:
            raise error
        return self._answer(given)


def model(question: str) -> str:
    return "a long and careful answer" if "Improve" in question else "an answer"


def is_long(thought: Thought) -> ValidationResult:
    return ValidationResult(passed=len(thought.text) > 20, message="say more")


def wants_care(thought: Thought) -> str | None:
    return None if "careful" in thought.text else "be careful"


def chain(store: MemoryStore, *, using: Callable[..., Any] = model, **options: Any) -> Chain:
    waits: list[float] = []
    made = Chain(
        using,
        prompt="Write about the sea",
        checkpoint_storage=store,
        chain_id="c-1",
        sleep=waits.append,
        **options,
    )
    return made.validate_with(is_long).improve_with(wants_care)


def steps(done: Chain) -> list[str]:
    return [checkpoint.current_step for checkpoint in done.get_checkpoint_history()]


def test_a_chain_improves_until_it_is_valid(store: MemoryStore) -> None:
    thought = chain(store).run()
    assert (thought.text, thought.iteration) == ("a long and careful answer", 1)
    assert thought.passed


def test_the_steps_have_the_names_of_the_original(store: MemoryStore) -> None:
    done = chain(store, retriever=lambda prompt: [f"context for {prompt}"])
    thought = done.run()
    assert steps(done) == [
        "initialization",
        "pre_retrieval",
        "generation",
        "validation",
        "pre_criticism",
        "criticism",
        "generation",
        "validation",
        "complete",
    ]
    assert thought.context == ("context for Write about the sea",)


def test_each_checkpoint_holds_everything_that_the_original_documents(store: MemoryStore) -> None:
    done = chain(store)
    done.run()
    criticism = next(c for c in done.get_checkpoint_history() if c.current_step == "criticism")
    assert (criticism.chain_id, criticism.iteration) == ("c-1", 0)
    assert criticism.recovery_point == "generation"
    assert criticism.thought.objections == ["say more", "be careful"]
    assert criticism.performance_data["total_time"] > 0
    assert criticism.performance_data["by_step"]["generation"]["count"] == 1
    assert criticism.timestamp.tzinfo is not None
    assert criticism.checkpoint_id
    final = done.get_checkpoint_history()[-1]
    assert (final.recovery_point, final.status) == (None, "completed")
    assert final.completed_validators == ("is_long",)


def test_it_gives_up_improving_after_the_last_iteration(store: MemoryStore) -> None:
    done = chain(store, using=lambda _: "no", max_improvement_iterations=2)
    thought = done.run()
    assert (thought.iteration, thought.passed) == (2, False)
    assert steps(done).count("generation") == 3


def test_critics_alone_decide_where_there_is_no_validator(store: MemoryStore) -> None:
    done = Chain(model, prompt="p", checkpoint_storage=store).improve_with(wants_care)
    assert done.run().iteration == 1


def test_a_valid_text_is_not_criticised_unless_asked(store: MemoryStore) -> None:
    seen: list[Thought] = []

    def critic(thought: Thought) -> Feedback:
        seen.append(thought)
        return Feedback()

    for always in (False, True):
        asked = Chain(model, prompt="p", always_apply_critics=always)
        asked.validate_with(lambda _: True).improve_with(critic).run()
        assert len(seen) == always


def test_every_callable_may_be_a_coroutine_function(store: MemoryStore) -> None:
    async def slowly(question: str) -> str:
        await asyncio.sleep(0)
        return model(question)

    async def check(thought: Thought) -> bool:
        return "careful" in thought.text

    made = chain(store, using=slowly).validate_with(check)
    assert made.run().passed
    assert asyncio.run(chain(MemoryStore(), using=slowly).run.aio()).passed


def test_an_exception_comes_through_after_a_recovery_checkpoint(store: MemoryStore) -> None:
    failing = chain(store, using=Flaky(model, TimeoutError("mine")))
    with pytest.raises(TimeoutError, match="mine"):
        failing.run()
    head = failing.manager.history()[0]
    assert (head.kind, head.status, head.step_name) == (Kind.RECOVERY, "failed", "generation")


def test_it_recovers_from_what_passes_and_remembers_that_it_did(store: MemoryStore) -> None:
    flaky = Flaky(model, TimeoutError(), TimeoutError())
    done = chain(store, using=flaky)
    assert done.run_with_recovery().passed
    events = done.recovery.get_recovery_history("c-1")
    assert [(e["action"], e["outcome"], e["step"]) for e in events] == [
        ("retry_current_step", "recurred", "generation"),
        ("retry_current_step", "recovered", "generation"),
    ]


def test_what_a_failing_step_had_done_is_not_done_again(store: MemoryStore) -> None:
    first = Flaky(lambda _: True)
    second = Flaky(lambda _: True, ConnectionResetError())
    first.name, second.name = "first", "second"  # type: ignore[attr-defined]
    made = Chain(model, prompt="p", checkpoint_storage=store, sleep=lambda _: None)
    made.validate_with(first).validate_with(second).run_with_recovery()
    assert (len(first.calls), len(second.calls)) == (1, 2)


def test_a_strategy_that_does_not_help_gives_way_to_the_next(store: MemoryStore) -> None:
    flaky = Flaky(model, *[TimeoutError()] * 3)
    done = chain(store, using=flaky)
    assert done.run_with_recovery().passed
    actions = [event["action"] for event in done.recovery.get_recovery_history("c-1")]
    assert actions == ["retry_current_step", "retry_current_step", "restart_iteration"]


def test_recovery_ends_and_the_exception_is_the_callables_own(store: MemoryStore) -> None:
    failing = chain(store, using=Flaky(model, *[TimeoutError("mine")] * 99))
    with pytest.raises(TimeoutError, match="mine") as raised:
        failing.run_with_recovery()
    assert "the same failure came 4 times" in raised.value.__notes__[0]
    events = failing.recovery.get_recovery_history("c-1")
    assert [event["outcome"] for event in events] == ["recurred"] * 3


def test_the_limits_are_the_callers(store: MemoryStore) -> None:
    flaky = Flaky(model, *[TimeoutError()] * 99)
    with pytest.raises(TimeoutError):
        chain(store, using=flaky, limits=RecoveryLimits(max_recoveries=1)).run_with_recovery()
    assert len(flaky.calls) == 2


def test_what_needs_a_person_is_raised_at_once(store: MemoryStore) -> None:
    flaky = Flaky(model, RuntimeError("401: invalid api key"))
    with pytest.raises(RuntimeError) as raised:
        chain(store, using=flaky).run_with_recovery()
    assert len(flaky.calls) == 1
    assert "auth needs a person" in raised.value.__notes__[0]


def test_waits_grow_and_only_for_what_passes(store: MemoryStore) -> None:
    waits: list[float] = []
    made = Chain(
        Flaky(model, TimeoutError(), TimeoutError()),
        prompt="p",
        checkpoint_storage=store,
        sleep=waits.append,
    )
    made.run_with_recovery()
    assert len(waits) == 2
    assert all(0 <= wait <= ceiling for wait, ceiling in zip(waits, (1.0, 2.0), strict=True))


def test_another_chain_object_goes_on_where_the_first_failed(store: MemoryStore) -> None:
    flaky = Flaky(lambda _: True, RuntimeError("401: invalid api key"))
    with pytest.raises(RuntimeError):
        chain(store).validate_with(flaky).run_with_recovery()
    again = Flaky(model)
    assert chain(store, using=again).run_with_recovery().passed
    assert len(again.calls) == 1  # the improvement; the first answer is not generated again


def test_a_completed_chain_is_not_run_again_for_the_same_prompt(store: MemoryStore) -> None:
    first = chain(store).run_with_recovery()
    unused = Flaky(model)
    assert chain(store, using=unused).run_with_recovery() == first
    assert unused.calls == []
    other = chain(store, using=unused).with_prompt("Write about the sky")
    assert other.run_with_recovery().prompt == "Write about the sky"


KILLED = """
    import os, sys
    from checkpoints.loops import Chain

    def model(question):
        print("asked", flush=True)
        return "an answer"

    def judge(thought):
        if sys.argv[2] == "die":
            os.kill(os.getpid(), 9)
        return True

    chain = Chain(model, prompt="p", checkpoint_storage=sys.argv[1], chain_id="c-1")
    print(chain.validate_with(judge).run_with_recovery().text)
"""


def test_after_kill_9_another_process_goes_on_from_the_newest_step(tmp_path: Path) -> None:
    def process(how: str) -> subprocess.CompletedProcess[str]:
        store = f"sqlite:///{tmp_path}/store.db"
        command = [sys.executable, "-c", textwrap.dedent(KILLED), store, how]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    first, second = process("die"), process("live")
    assert (first.returncode, first.stdout.split()) == (-9, ["asked"])
    assert (second.returncode, second.stdout.strip()) == (0, "an answer")


def test_suggestions_are_ranked_for_the_step_at_hand(store: MemoryStore) -> None:
    failing = chain(store, using=Flaky(model, TimeoutError("slow")))
    with pytest.raises(TimeoutError) as raised:
        failing.run()
    best = failing.get_recovery_suggestions(raised.value)[0]
    assert (best.strategy, best.description) == (
        Strategy.RETRY_CURRENT_STEP,
        "Retry generation with the same parameters",
    )


def action(strategy: Strategy, **parameters: Any) -> RecoveryAction:
    return RecoveryAction(
        strategy=strategy, description="by hand", confidence=0.5, parameters=parameters
    )


def stopped_at_criticism(store: MemoryStore, **options: Any) -> Chain:
    """Return a chain that has failed when its first criticism was due."""
    made = chain(store, **options)
    made.improve_with(Flaky(wants_care, RuntimeError("401: invalid api key")))
    with pytest.raises(RuntimeError):
        made.run()
    return made


@pytest.mark.parametrize(
    ("strategy", "generated", "criticised"),
    [
        (Strategy.RETRY_CURRENT_STEP, 2, 1),
        (Strategy.SKIP_TO_NEXT, 2, 1),
        (Strategy.RESTART_ITERATION, 3, 2),
        (Strategy.RESTART_FROM_GENERATION, 2, 1),
        (Strategy.FULL_RESTART, 3, 2),
        (Strategy.RESTORE_CHECKPOINT, 2, 2),
    ],
)
def test_an_action_applied_by_hand_decides_where_the_next_run_goes_on(
    store: MemoryStore, strategy: Strategy, generated: int, criticised: int
) -> None:
    using = Flaky(model)
    made = chain(store, using=using)
    critic = Flaky(wants_care)
    made.improve_with(critic)
    made.improve_with(Flaky(wants_care, RuntimeError("401: invalid api key")))
    with pytest.raises(RuntimeError):
        made.run()
    assert made._apply_recovery_action(action(strategy))
    assert made.run_with_recovery().passed
    assert (len(using.calls), len(critic.calls)) == (generated, criticised)


def test_parameters_reach_those_callables_that_take_them(store: MemoryStore) -> None:
    seen: list[float | None] = []

    def tuned(question: str, *, temperature: float | None = None) -> str:
        seen.append(temperature)
        return model(question)

    made = stopped_at_criticism(store, using=tuned)
    assert made._apply_recovery_action(
        action(Strategy.MODIFY_PARAMETERS, temperature=0.3, max_tokens=1000)
    )
    made.run_with_recovery()
    assert seen == [None, 0.3]


def test_parameters_that_nobody_takes_are_not_applied(store: MemoryStore) -> None:
    made = stopped_at_criticism(store)
    assert not made._apply_recovery_action(action(Strategy.MODIFY_PARAMETERS, colour="blue"))


def test_parameters_may_be_set_before_the_first_run(store: MemoryStore) -> None:
    made = chain(store, max_improvement_iterations=3, using=lambda _: "no")
    few = action(Strategy.MODIFY_PARAMETERS, max_improvement_iterations=0)
    assert made._apply_recovery_action(few)
    assert made.run_with_recovery().iteration == 0


def test_a_generation_without_a_text_cannot_be_skipped(store: MemoryStore) -> None:
    made = chain(store, using=Flaky(model, TimeoutError()))
    with pytest.raises(TimeoutError):
        made.run()
    assert not made._apply_recovery_action(action(Strategy.SKIP_TO_NEXT))


def test_retrieval_can_be_skipped(store: MemoryStore) -> None:
    made = chain(store, retriever=Flaky(lambda _: ["context"], ConnectionError()))
    with pytest.raises(ConnectionError):
        made.run()
    assert made._apply_recovery_action(action(Strategy.SKIP_TO_NEXT))
    assert made.run_with_recovery().context == ()


def test_an_operators_restore_and_directive_are_followed(
    store: MemoryStore, operator: Operator
) -> None:
    made = stopped_at_criticism(store)
    generation = next(r for r in made.manager.history() if r.step_name == "generation")
    operator(generation.id, Strategy.MODIFY_PARAMETERS, max_improvement_iterations=0)
    thought = chain(store).run_with_recovery()
    assert (thought.iteration, thought.text) == (0, "an answer")


def test_an_operator_may_ask_for_a_person(store: MemoryStore, operator: Operator) -> None:
    made = stopped_at_criticism(store)
    operator(made.manager.history()[-1].id, Strategy.ESCALATE_TO_HUMAN)
    with pytest.raises(WaitingForHuman, match="asked for a person before generation"):
        chain(store).run_with_recovery()
    assert made.manager.history()[0].status == "waiting"
    assert chain(store).run_with_recovery().passed


def test_a_restore_under_a_running_chain_is_followed(
    store: MemoryStore, operator: Operator
) -> None:
    made = chain(store)
    restores = iter([True])

    def critic(thought: Thought) -> None:
        if next(restores, False):
            records = made.manager.history()
            operator(next(r.id for r in records if r.step_name == "initialization"))

    made.improve_with(critic)
    made.run_with_recovery()
    assert steps(made).count("generation") == 3


def test_bottlenecks_are_the_steps_that_take_the_time(store: MemoryStore) -> None:
    done = chain(store)
    done.run()
    shares = [step.share for step in done.get_performance_bottlenecks()]
    assert shares == sorted(shares, reverse=True)
    assert all(0.25 <= share <= 1 for share in shares)
    assert Chain(model).get_performance_bottlenecks() == []


def test_two_parts_of_one_name_are_told_apart(store: MemoryStore) -> None:
    made = chain(store).validate_with(is_long)
    made.run()
    assert made.get_checkpoint_history()[-1].completed_validators == ("is_long", "is_long#2")


def test_a_model_that_returns_no_text_is_told(store: MemoryStore) -> None:
    with pytest.raises(TypeError, match="the model must return a text"):
        chain(store, using=lambda _: 42).run()


def test_without_storage_it_runs_all_the_same() -> None:
    assert Chain(model, prompt="p").run().text == "an answer"


def test_the_recovery_manager_of_the_original_reads_the_chains_history(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        done = chain(store, using=Flaky(model, TimeoutError()))
        done.run_with_recovery()
    recovery = RecoveryManager(store)
    assert len(recovery.get_recovery_history(done.chain_id)) == 1
    assert "Retry generation" in caplog.text


def test_a_thread_that_no_chain_wrote_is_refused(store: MemoryStore) -> None:
    CheckpointManager("chain", store=store, thread="c-1").create_checkpoint(state={"mine": 1})
    with pytest.raises(Exception, match="not saved by a chain"):
        chain(store).run_with_recovery()


def test_a_directive_that_cannot_be_carried_out_ends_no_chain(
    store: MemoryStore, operator: Operator
) -> None:
    made = stopped_at_criticism(store)
    first = made.manager.history()[-1]
    operator(first.id, Strategy.RESTORE_CHECKPOINT, checkpoint_id="nothing")
    assert chain(store).run_with_recovery().passed


def test_restarting_a_later_iteration_begins_with_what_the_one_before_left(
    store: MemoryStore,
) -> None:
    questions: list[str] = []

    def asked(question: str) -> str:
        questions.append(question)
        return model(question)

    made = chain(store, using=asked)
    made.validate_with(Flaky(lambda _: True, None, RuntimeError("401: invalid api key")))
    with pytest.raises(RuntimeError):
        made.run()
    assert made._apply_recovery_action(action(Strategy.RESTART_ITERATION))
    assert made.run_with_recovery().iteration == 1
    assert questions[1] == questions[2]
    assert "say more" in questions[1]


def test_a_context_that_is_too_long_is_shortened(store: MemoryStore) -> None:
    flaky = Flaky(model, RuntimeError("maximum context length is 10 tokens"))
    made = chain(store, using=flaky, retriever=lambda _: ["one", "two", "three", "four"])
    assert made.run_with_recovery().context == ("one", "two")
    (event,) = made.recovery.get_recovery_history("c-1")
    assert (event["action"], event["outcome"]) == ("modify_parameters", "recovered")


def test_generating_again_needs_a_text(store: MemoryStore) -> None:
    made = chain(store).with_retriever(Flaky(lambda _: ["context"], ConnectionError()))
    with pytest.raises(ConnectionError):
        made.run()
    assert not made._apply_recovery_action(action(Strategy.RESTART_FROM_GENERATION))


def test_a_model_that_takes_anything_is_given_every_parameter(store: MemoryStore) -> None:
    seen: list[dict[str, Any]] = []

    def generous(question: str, **options: Any) -> str:
        seen.append(options)
        return "a long and careful answer"

    made = chain(store, using=generous)
    made._apply_recovery_action(action(Strategy.MODIFY_PARAMETERS, temperature=0.3, seed=1))
    made.run_with_recovery()
    assert seen == [{"temperature": 0.3, "seed": 1}]


@pytest.mark.parametrize("answer", ["yes", None, 1])
def test_a_validator_that_gives_no_verdict_is_told(store: MemoryStore, answer: object) -> None:
    made = Chain(model, prompt="p", checkpoint_storage=store).validate_with(lambda _: answer)
    with pytest.raises(TypeError, match="must return a bool or a ValidationResult"):
        made.run()


def test_a_critic_that_gives_no_opinion_is_told(store: MemoryStore) -> None:
    made = Chain(model, prompt="p", checkpoint_storage=store).improve_with(lambda _: 5)
    with pytest.raises(TypeError, match="must return a Feedback, a text or None"):
        made.run()


def test_a_directive_for_a_running_chain_is_carried_out(
    store: MemoryStore, operator: Operator
) -> None:
    made = chain(store)
    leaves = iter([True])

    def critic(thought: Thought) -> None:
        if next(leaves, False):
            operator(made.manager.history()[0].id, Strategy.SKIP_TO_NEXT)

    thought = made.improve_with(critic).run_with_recovery()
    assert (thought.iteration, steps(made).count("generation")) == (2, 2)
    assert len(thought.validation_results) == 1


def test_a_directive_that_means_nothing_here_is_logged(
    store: MemoryStore, operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    made = stopped_at_criticism(store)
    operator(made.manager.history()[-1].id, Strategy.MODIFY_PARAMETERS, colour="blue")
    assert chain(store).run_with_recovery().passed
    assert "modify_parameters could not be applied here" in caplog.text


def test_a_failure_is_not_masked_by_a_store_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    store = FaultyStore(MemoryStore())

    def failing(question: str) -> str:
        store.fail("put", error=TransientStoreError("away"))
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Chain(failing, prompt="p", checkpoint_storage=store).run()
    assert "was not saved" in caplog.text


def test_a_damaged_checkpoint_leaves_the_rest_of_the_history(tmp_path: Path) -> None:
    with Chain(
        model, prompt="p", checkpoint_storage=f"file:///{tmp_path}/store", chain_id="c-1"
    ) as made:
        made.run()
        victim = made.manager.history()[1]
    (body,) = (tmp_path / "store").rglob(f"{victim.id}*")
    body.write_bytes(b"\x00" * 10)
    again = Chain(model, checkpoint_storage=f"file:///{tmp_path}/store", chain_id="c-1")
    with again:
        assert len(again.get_checkpoint_history()) == len(made.manager.history()) - 1
    assert victim.id not in {c.checkpoint_id for c in again.get_checkpoint_history()}


def test_a_bottleneck_says_its_share(store: MemoryStore) -> None:
    done = chain(store)
    done.run()
    assert all(str(step).endswith("%)") for step in done.get_performance_bottlenecks())
