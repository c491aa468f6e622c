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
