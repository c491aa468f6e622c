"""Every snippet of the Chain Checkpoint Recovery document, on Holdfast.

A chain that writes, is validated and criticised, fails now and then, and recovers. The model here
is a function that makes up its answers; any callable from a text to a text takes its place. Run it:
``python examples/improving_chain.py``; killed at any moment, it goes on where it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from checkpoints import Store, Strategy, open_store
from checkpoints.loops import Chain, Thought, ValidationResult
from checkpoints.recovery import RecoveryAction, RecoveryLimits, RecoveryManager

STORE = "sqlite:///.holdfast/chain.db"
CHAIN = "essay-1"
PROMPT = "Write about AI ethics"


def unreliable(answers: Iterator[str | Exception]) -> Callable[..., str]:
    """Return a model that gives these answers in turn and raises the exceptions among them."""

    def model(question: str, *, temperature: float = 0.7) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return f"{answer} (asked in {len(question)} characters, at {temperature})"

    return model


def names_people(thought: Thought) -> ValidationResult:
    """Pass texts that say who is affected."""
    return ValidationResult(passed="people" in thought.text, message="Say who is affected.")


def wants_an_example(thought: Thought) -> str | None:
    """Ask for an example where there is none."""
    return None if "example" in thought.text else "Give an example."


def library(prompt: str) -> list[str]:
    """Return what is known about the prompt."""
    return [f"What others have written: nothing yet on «{prompt}»."]


def build(model: Callable[..., str], checkpoint_storage: Store) -> Chain:
    """Return the chain, configured as usual."""
    chain = Chain(
        model=model,
        retriever=library,
        checkpoint_storage=checkpoint_storage,
        max_improvement_iterations=3,
        chain_id=CHAIN,
        limits=RecoveryLimits(first_wait=0.1),
    )
    chain.with_prompt(PROMPT)
    chain.validate_with(names_people)
    chain.improve_with(wants_an_example)
    return chain


def show_suggestions(chain: Chain, error: Exception) -> None:
    """Say what may help against an error."""
    suggestions = chain.get_recovery_suggestions(error)
    print("Recovery suggestions:")
    for i, action in enumerate(suggestions[:3], 1):
        print(f"{i}. {action.description}")
        print(f"   Strategy: {action.strategy.value}")
        print(f"   Confidence: {action.confidence:.1%} ({action.basis})")


def show_history(chain: Chain) -> None:
    """Say which steps were taken, how long they took, and which are slow."""
    checkpoints = chain.get_checkpoint_history()
    print(f"Chain executed {len(checkpoints)} steps:")
    for cp in checkpoints:
        duration = cp.performance_data.get("step_time", 0)
        print(f"- {cp.current_step}: {duration:.2f}s")
    bottlenecks = [str(step) for step in chain.get_performance_bottlenecks()]
    print(f"Performance bottlenecks: {bottlenecks}")


def show_patterns(recovery_manager: RecoveryManager, chain_id: str) -> None:
    """Say what was tried, against what, and what the store holds."""
    recovery_history = recovery_manager.get_recovery_history(chain_id)
    print(f"Total recovery attempts: {len(recovery_history)}")
    actions = [event["action"] for event in recovery_history]
    print(f"Most common recovery actions: {Counter(actions).most_common(3)}")
    error_types = [event["error_type"] for event in recovery_history]
    print(f"Most common error types: {Counter(error_types).most_common(3)}")
    cleaned_count = recovery_manager.cleanup_old_checkpoints(max_age_days=30)
    print(f"Cleaned up {cleaned_count} old checkpoints")
    print(f"Storage usage: {recovery_manager.get_storage_stats()}")


def cooler(chain: Chain) -> bool:
    """Have the model answer more soberly from here on."""
    custom_action = RecoveryAction(
        strategy=Strategy.MODIFY_PARAMETERS,
        description="Reduce model temperature for stability",
        confidence=0.8,
        parameters={"temperature": 0.3, "max_tokens": 1000},
    )
    return chain._apply_recovery_action(custom_action)  # noqa: SLF001 - the original's name


def main(url: str = STORE) -> None:
    """Run the chain, with two failures on the way, and look back at it."""
    good = "It matters to people, for example."
    answers: list[str | Exception] = ["It matters.", TimeoutError("no answer"), *[good] * 9]
    checkpoint_storage = open_store(url)
    if not isinstance(checkpoint_storage, Store):
        raise TypeError(f"{url} cannot be saved into")
    chain = build(unreliable(iter(answers)), checkpoint_storage)
    with chain:
        cooler(chain)
        try:
            print(chain.run_with_recovery().text)
        except Exception as error:
            show_suggestions(chain, error)
            raise
        show_history(chain)
        show_patterns(RecoveryManager(checkpoint_storage), chain.chain_id)
    checkpoint_storage.close()


if __name__ == "__main__":
    main()
