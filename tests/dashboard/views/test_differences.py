"""What a comparison shows stays within bounds, however much changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

import checkpoints
from checkpoints.diffs import Change, ChangeKind
from dashboard.views.differences import SHOWN, SHOWN_PER_GROUP, grouped
from tests.benches import Clock, register

KEYS = 20_000


def added(*path: str | int) -> Change:
    return Change(path=path, kind=ChangeKind.ADDED, after=1)


def test_few_changes_are_all_shown() -> None:
    groups = grouped([added("a"), added("b", "c"), added("b", "d")])
    assert [(group.name, len(group.shown)) for group in groups.shown] == [("a", 1), ("b", 2)]
    assert (groups.total, groups.hidden) == (3, 0)


def test_the_lines_of_a_page_are_bounded() -> None:
    groups = grouped([added(f"key{number}") for number in range(KEYS)])
    assert len(groups.shown) == SHOWN
    assert (groups.total, groups.hidden) == (KEYS, KEYS - SHOWN)


def test_the_lines_of_a_group_are_bounded() -> None:
    (group,) = grouped([added("list", number) for number in range(KEYS)]).shown
    assert (len(group.shown), group.hidden) == (SHOWN_PER_GROUP, KEYS - SHOWN_PER_GROUP)


def test_long_names_are_cut() -> None:
    (group,) = grouped([added(*["k" * 10_000] * 20)]).shown
    assert len(group.name) < 100
    assert len(group.shown[0].path) <= 400


def test_names_that_are_cut_alike_stay_two_groups() -> None:
    names = ["k" * 500 + end for end in "ab"]
    assert len(grouped([added(name) for name in names]).shown) == 2


@pytest.mark.django_db
def test_values_under_very_long_keys_can_be_opened(browser: Client, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    key = "k" * 50_000
    with checkpoints.CheckpointManager("agent", store=url) as manager:
        manager.create_checkpoint(state={key: {key: {"inner": "found"}}})
    path = f"/checkpoints/{register(url, thread_id='main', clock=Clock()).rows()[0].pk}/state/"
    for _ in range(2):
        link = re.search(r'hx-get="([^"]+)"', browser.get(path).content.decode())
        assert link
        path = link[1]
        assert len(path) < 200
    assert "found" in browser.get(path).content.decode()


@pytest.mark.django_db
def test_a_page_of_very_many_changes_is_small(browser: Client, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    with checkpoints.CheckpointManager("agent", store=url) as manager:
        manager.create_checkpoint(state={})
        manager.create_checkpoint(state={f"key{number}": "x" * 60 for number in range(KEYS)})
    row = register(url, thread_id="main", clock=Clock()).rows()[-1]
    answer = browser.get(f"/checkpoints/{row.pk}/diff/")
    assert f"And {KEYS - SHOWN:,} more changes" in answer.content.decode()
    assert len(answer.content) < 400_000
