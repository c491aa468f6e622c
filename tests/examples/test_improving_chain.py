"""The Sifaka document's snippets run, in one program."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkpoints.stores.memory import MemoryStore
from examples.improving_chain import build, cooler, main, show_suggestions, unreliable


def test_the_program_recovers_and_says_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(f"sqlite:///{tmp_path}/chain.db")
    out = capsys.readouterr().out
    assert "It matters to people" in out
    assert "Most common recovery actions: [('retry_current_step', 1)]" in out
    assert "Most common error types: [('TimeoutError', 1)]" in out
    assert "'threads': 1" in out


def test_run_again_it_does_not_repeat_what_is_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(f"sqlite:///{tmp_path}/chain.db")
    first = capsys.readouterr().out.splitlines()[0]
    main(f"sqlite:///{tmp_path}/chain.db")
    assert capsys.readouterr().out.splitlines()[0] == first


def test_a_failure_is_analysed_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    chain = build(unreliable(iter([RuntimeError("Rate limit reached")])), MemoryStore())
    with pytest.raises(RuntimeError) as raised:
        chain.run()
    show_suggestions(chain, raised.value)
    out = capsys.readouterr().out
    assert "Strategy: retry_current_step" in out
    assert "Confidence: 70.0% (an expert's opinion, no outcome yet" in out


def test_a_custom_action_changes_what_the_model_is_asked_with() -> None:
    chain = build(unreliable(iter(["people, for example"])), MemoryStore())
    assert cooler(chain)
    assert "at 0.3" in chain.run_with_recovery().text
