"""What an agent's log says of its reporting."""

from __future__ import annotations

import pytest

from checkpoints.reporting.notices import Notices


def test_a_sentence_of_the_dashboard_ends_where_ours_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Notices().warn("token", "the dashboard refuses: send it as 'Bearer hf_…'.")
    assert "hf_…'; everything is saved" in caplog.text


def test_the_same_is_said_again_only_after_it_was_settled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notices = Notices()
    for settled in (False, False, True, False):
        if settled:
            notices.settle("away")
        else:
            notices.warn("away", "it cannot be reached")
    assert len(caplog.records) == 2
