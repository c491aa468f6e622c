"""Pages by key."""

from __future__ import annotations

from datetime import datetime

import pytest

from dashboard.models import Checkpoint
from dashboard.selectors.errors import NotFound
from dashboard.selectors.keyset import NEWEST, page_after
from tests.dashboard.index import make_thread

pytestmark = pytest.mark.django_db


def test_following_the_keys_shows_every_row_once_and_in_order(now: datetime) -> None:
    make_thread(now, saves=25)
    seen: list[int] = []
    key = ""
    while True:
        page = page_after(Checkpoint.objects.all(), NEWEST, key, size=10)
        seen += [row.pk for row in page.rows]
        key = page.next_key
        if not key:
            break
    expected = list(Checkpoint.objects.order_by("-created_at", "-pk").values_list("pk", flat=True))
    assert seen == expected


def test_rows_of_the_same_moment_are_not_lost_between_pages(now: datetime) -> None:
    make_thread(now, saves=6)
    Checkpoint.objects.update(created_at=now)
    first = page_after(Checkpoint.objects.all(), NEWEST, "", size=4)
    second = page_after(Checkpoint.objects.all(), NEWEST, first.next_key, size=4)
    assert len({row.pk for row in first.rows + second.rows}) == 6


@pytest.mark.parametrize("key", ["nonsense", "1~not-a-time", "~", "x~2026-01-01"])
def test_a_key_that_no_page_handed_out_is_not_found(now: datetime, key: str) -> None:
    with pytest.raises(NotFound, match="open the list anew"):
        page_after(Checkpoint.objects.all(), NEWEST, key)
