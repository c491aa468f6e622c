"""Ids that sort by the time they were made."""

from __future__ import annotations

import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from checkpoints.identifiers import new_id


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_it() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(new_id())
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert abs((made.int >> 80) - before) < 60_000


def test_later_ids_sort_behind_earlier_ones_also_within_a_millisecond() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_a_clock_that_goes_back_does_not_take_ids_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert new_id() > first


def test_threads_never_share_an_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [
            pk
            for ids in pool.map(lambda _: [new_id() for _ in range(2000)], range(8))
            for pk in ids
        ]
    assert len(set(made)) == len(made)


def test_a_forked_child_makes_other_ids() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    assert os.read(reader, 36).decode() != new_id()
    os.close(reader)


def test_a_signal_handler_may_make_an_id_while_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the signal came between taking the lock and letting it go."""
    made: list[str] = []
    real = secrets.randbits

    def interrupted(bits: int) -> int:
        if bits == 32 and not made:
            made.append("")
            made.append(new_id())
        return real(bits)

    new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    monkeypatch.setattr(secrets, "randbits", interrupted)
    assert new_id() not in made
    assert len(made) == 2
