"""Exceptions that are hard to read: recovery takes them as they are and never breaks on them."""

from __future__ import annotations

import pytest

from checkpoints.recovery import ErrorName, Failure


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class WithoutResponse(Exception):
    @property
    def response(self) -> object:
        raise RuntimeError("nothing was answered")


class Answered(Exception):
    """Carries a response as clients of HTTP do."""

    def __init__(self, headers: object) -> None:
        super().__init__("429 Too many requests")
        self.response = type("Response", (), {"headers": headers})()


class Throttled(Exception):
    def __init__(self, retry_after: object) -> None:
        super().__init__("429 Too many requests")
        self.retry_after = retry_after


def test_an_error_that_cannot_be_read_is_known_by_its_type() -> None:
    failure = Failure.from_exception(Unreadable(), step="generation")
    assert (failure.error_type.rpartition(".")[2], failure.message) == ("Unreadable", "")
    assert failure.error_class.name is ErrorName.UNKNOWN


def test_half_surrogates_in_a_message_are_written_as_escapes() -> None:
    failure = Failure.from_exception(FileNotFoundError("no such file: \udc80.txt"))
    assert (failure.message, failure.error_class.name) == (
        "no such file: \\udc80.txt",
        ErrorName.NOT_FOUND,
    )


def test_of_a_huge_message_both_ends_are_looked_at() -> None:
    failure = Failure.from_exception(RuntimeError("pool " * 100_000 + "request timed out"))
    assert failure.error_class.name is ErrorName.TIMEOUT
    assert len(failure.message) < 5000


@pytest.mark.parametrize(
    "error",
    [
        WithoutResponse("429 Too many requests"),
        Answered([("retry-after", "3")]),
        Answered(None),
        Throttled(float("nan")),
        Throttled(float("inf")),
        Throttled(object()),
    ],
    ids=["raises", "list", "none", "nan", "inf", "object"],
)
def test_a_wait_that_cannot_be_read_is_none(error: Exception) -> None:
    assert Failure.from_exception(error).retry_after is None


def test_the_header_is_found_however_it_is_written() -> None:
    assert Failure.from_exception(Answered({"Retry-After": "3"})).retry_after == 3.0
    assert Failure.from_exception(Answered({"retry-after": 4})).retry_after == 4.0


def test_no_wait_at_all_may_be_asked_for() -> None:
    assert Failure.from_exception(Throttled(0)).retry_after == 0.0
