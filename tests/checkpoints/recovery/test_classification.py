"""Errors get their class, and the advice that fits them, by what they say."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints import Strategy
from checkpoints.recovery import ERROR_CLASSES, ErrorClass, ErrorName, Failure, classify

WORDINGS = Path(__file__).with_name("wordings.tsv")


def found(error: dict[str, Any]) -> ErrorClass:
    return classify(
        error["error_type"],
        error["message"],
        step=error["step"],
        http_status=error["http_status"],
        retry_after=error["retry_after"],
        traceback=error["traceback_tail"],
    )


@pytest.fixture(scope="module")
def labelled(data_dir: Path) -> list[dict[str, Any]]:
    lines = (data_dir / "intel/errors.dev.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def share(of: list[bool]) -> float:
    return sum(of) / len(of)


def gain(found_class: ErrorClass, best: list[str]) -> float:
    """Return the normalised discounted cumulative gain at three of ranked strategies."""
    worth = {name: 3 - rank for rank, name in enumerate(best)}
    told = [worth.get(str(one), 0) for one in found_class.strategies[:3]]
    discounts = [1 / math.log2(rank + 2) for rank in range(3)]
    ideal = sum((3 - rank) * discounts[rank] for rank in range(3))
    return sum(one * discount for one, discount in zip(told, discounts, strict=False)) / ideal


def test_every_class_has_strategies_that_exist() -> None:
    assert set(ERROR_CLASSES) == set(ErrorName)
    assert all(one.strategies for one in ERROR_CLASSES.values())


def test_the_goals_hold_on_labelled_errors(labelled: list[dict[str, Any]]) -> None:
    """The rules were written with these errors in view: this guards them, it measures nothing."""
    classes = [found(error) for error in labelled]
    pairs = list(zip(labelled, classes, strict=True))
    hard = [e["class"] == str(c) for e, c in pairs if e["hard_status_misleads"]]
    permanent = [c for e, c in pairs if not e["transient"]]
    retried = [c.strategies[0] is Strategy.RETRY_CURRENT_STEP for c in permanent]
    assert share([e["class"] == str(c) for e, c in pairs]) >= 0.88
    assert share(hard) >= 0.85
    assert share([e["transient"] == c.transient for e, c in pairs]) >= 0.94
    assert share([e["best_strategies"][0] == str(c.strategies[0]) for e, c in pairs]) >= 0.80
    assert sum(gain(c, e["best_strategies"]) for e, c in pairs) / len(pairs) >= 0.88
    assert share(retried) <= 0.07


def wordings() -> list[tuple[str, ...]]:
    return [tuple(line.split("\t")) for line in WORDINGS.read_text().splitlines()]


@pytest.mark.parametrize(("name", "error_type", "message", "step", "status"), wordings())
def test_the_wordings_of_libraries_get_their_class(
    name: str, error_type: str, message: str, step: str, status: str
) -> None:
    told = classify(error_type, message, step=step, http_status=int(status) if status else None)
    assert str(told) == name


def test_a_word_within_another_is_not_taken_for_it() -> None:
    """ "generate" holds "rate", and "separate" too."""
    told = classify("RuntimeError", "could not generate a separate answer", step="llm_call")
    assert told.name is ErrorName.UNKNOWN


def test_the_step_decides_where_the_type_says_two_things() -> None:
    error = ("json.JSONDecodeError", "Expecting value: line 1")
    parsed, loaded = (classify(*error, step=s) for s in ("parse_output", "load_checkpoint"))
    assert (str(parsed), str(loaded)) == ("output_validation", "corrupted_state")


def test_the_message_outweighs_the_status() -> None:
    words = "Your credit balance is too low to access the API."
    told = {str(classify("ApiError", words, http_status=code)) for code in (400, 401, 403, 429)}
    assert told == {"quota_exhausted"}


@pytest.mark.parametrize(("status", "name"), [(429, "rate_limit"), (503, "server_error")])
def test_a_status_counts_where_words_say_nothing(status: int, name: str) -> None:
    assert str(classify("Oops", "it did not go", http_status=status)) == name


def test_the_cause_of_a_wrapped_error_counts_where_its_own_words_say_nothing() -> None:
    wrapped = RuntimeError("the node failed")
    wrapped.__cause__ = OSError("[Errno 28] No space left on device")
    assert Failure.from_exception(wrapped).error_class.name is ErrorName.DISK_FULL


def test_spent_tries_are_not_answered_with_another_try() -> None:
    message = "RetryError[<Future at 0x7f00 state=finished raised ConnectionError>]"
    told = classify("tenacity.RetryError", message, step="llm_call")
    assert (told.name, told.strategies[0]) == (ErrorName.NETWORK, Strategy.MODIFY_PARAMETERS)


@given(st.text(), st.text(), st.text() | st.none(), st.integers() | st.none())
def test_any_words_have_a_class(
    error_type: str, message: str, step: str | None, status: int | None
) -> None:
    told = classify(error_type, message, step=step, http_status=status, traceback=message)
    assert told.strategies
    assert told.why


def test_a_message_of_a_megabyte_is_looked_at_from_both_ends() -> None:
    noise = "lorem ipsum " * 100_000
    assert str(classify("RuntimeError", f"{noise} no space left on device")) == "disk_full"
