"""How values are written for people."""

from __future__ import annotations

import pytest

from dashboard import formats


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("nothing was created", "nothing was created."),
        ("Nothing was changed.", "Nothing was changed."),
        ("It is damaged.. ", "It is damaged."),
        ("Which one?", "Which one?"),
        ("", ""),
    ],
)
def test_a_sentence_ends_with_one_full_stop(message: str, told: str) -> None:
    assert formats.sentence(message) == told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"type": "ConnectionError", "message": "answered 503"}, "ConnectionError: answered 503"),
        ({"type": "KeyboardInterrupt", "message": ""}, "KeyboardInterrupt"),
        ("no page", "no page"),
        ({"code": 3}, "{'code': 3}"),
        (None, ""),
    ],
)
def test_an_error_is_told_by_its_type_and_its_message(error: object, told: str) -> None:
    assert formats.cause(error) == told


@pytest.mark.parametrize(
    ("value", "shown"), [(0.1 + 0.2, "0.3"), (143.0, "143"), (1_234_567, "1234567"), (2.5, "2.5")]
)
def test_a_figure_is_shown_as_people_write_it(value: float, shown: str) -> None:
    assert formats.figure(value) == shown
