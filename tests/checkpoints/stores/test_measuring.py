"""What a store of Holdfast's own says of the space that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checkpoints import CheckpointNotFound, open_store
from checkpoints.bodies.encoding import encode
from checkpoints.stores.decorators import RetryingStore
from checkpoints.stores.measurable import MeasurableStore
from checkpoints.testing import NOON, draft, save_chain

KINDS = ("memory", "sqlite", "file", "postgresql", "redis", "s3")
LONG = "the same sentence in every step; " * 2_000
LATER = NOON + timedelta(days=1)


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param in ("postgresql", "redis"):
        return str(request.getfixturevalue(f"{request.param}_url"))
    if request.param == "s3":
        endpoint = request.getfixturevalue("s3_endpoint")
        bucket = request.getfixturevalue("s3_bucket")
        return f"s3://{bucket}/sized?endpoint={endpoint}"
    return "memory://" if request.param == "memory" else f"{request.param}:///{tmp_path}/store"


@pytest.fixture
def store(url: str) -> Iterator[Any]:
    found = open_store(url)
    yield found
    found.close()


def test_each_fields_size_is_the_sum_of_its_encoded_values(store: Any) -> None:
    save_chain(store, 4)
    sizes = {one.field: one for one in store.field_sizes("agent-1", "main")}
    logs = sum(len(encode(list(range(number)))) for number in range(1, 5))
    assert (sizes["log"].size, sizes["log"].checkpoints) == (logs, 4)
    assert (sizes["step"].size, sizes["step"].checkpoints) == (4, 4)


def test_fields_of_long_states_are_measured_the_same_way(store: Any) -> None:
    parent = None
    for number in range(1, 4):
        state = {"text": LONG * number, "number": number}
        parent = store.put(draft(number, parent=parent), state, expected_head=parent).id
    first, second = store.field_sizes("agent-1", "main")
    text = sum(len(encode(LONG * number)) for number in range(1, 4))
    assert (first.field, first.size) == ("text", text)
    assert (second.field, second.size, second.checkpoints) == ("number", 3, 3)


def test_fields_of_an_unknown_thread_are_refused(store: Any) -> None:
    save_chain(store, 1)
    with pytest.raises(CheckpointNotFound):
        list(store.field_sizes("agent-1", "another"))


def test_what_lies_in_the_trash_is_told_apart_until_it_is_swept(store: Any) -> None:
    saved = save_chain(store, 5)
    assert not store.space().trashed
    store.trash({saved[0].id: "old", saved[1].id: "old"}, now=NOON)
    trashed = sum(record.stored_size or 0 for record in saved[:2])
    assert store.space().trashed >= trashed > 0
    store.sweep(before=LATER)
    assert store.space().trashed == 0


def test_a_store_takes_at_least_what_its_checkpoints_take(store: Any) -> None:
    saved = save_chain(store, 6)
    assert store.space().stored >= sum(record.stored_size or 0 for record in saved)


def test_a_store_is_measured_through_what_wraps_it(store: Any) -> None:
    save_chain(store, 2)
    wrapped = RetryingStore(store)
    assert isinstance(wrapped, MeasurableStore)
    assert list(wrapped.field_sizes("agent-1", "main")) == list(
        store.field_sizes("agent-1", "main")
    )


def test_an_empty_file_takes_nothing(tmp_path: Path) -> None:
    space = open_store(f"sqlite:///{tmp_path}/new.db")
    assert isinstance(space, MeasurableStore)
    assert space.space().stored == 0


def test_pages_that_hold_nothing_any_more_are_free(tmp_path: Path) -> None:
    store: Any = open_store(f"sqlite:///{tmp_path}/new.db")
    parent = None
    for number in range(1, 30):
        state = {"text": str(number) * 40_000}
        parent = store.put(draft(number, parent=parent), state, expected_head=parent).id
    before = store.space()
    store.trash({f"c{number}": "old" for number in range(1, 29)}, now=NOON)
    store.sweep(before=LATER)
    after = store.space()
    assert after.free > before.free


def test_damaged_checkpoints_are_passed_over(
    tmp_path: Path, corrupt: Callable[[Path, str], None]
) -> None:
    store: Any = open_store(f"file:///{tmp_path}/store")
    save_chain(store, 3)
    corrupt(tmp_path / "store", "c2")
    assert {one.field: one.checkpoints for one in store.field_sizes("agent-1", "main")} == {
        "log": 2,
        "step": 2,
    }


@pytest.fixture
def corrupt() -> Callable[[Path, str], None]:
    def corrupt(root: Path, name: str) -> None:
        next(root.glob(f"*/*/{name}.json")).write_bytes(b"{")

    return corrupt
