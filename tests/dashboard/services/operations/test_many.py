"""The collector rests while many values are made, and is at work again afterwards."""

from __future__ import annotations

import gc
import threading

import pytest

from dashboard.services.operations.many import collector_at_rest


def test_it_is_at_work_again_afterwards_also_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), collector_at_rest():
        assert not gc.isenabled()
        _ = 1 // 0

    assert gc.isenabled()


def test_the_last_of_several_threads_lets_it_work_again() -> None:
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with collector_at_rest():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=stay)
    with collector_at_rest():
        other.start()
        assert inside.wait(10)
    assert not gc.isenabled()
    leave.set()
    other.join()
    assert gc.isenabled()


def test_where_it_rested_before_it_goes_on_resting() -> None:
    gc.disable()
    try:
        with collector_at_rest(), collector_at_rest():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
