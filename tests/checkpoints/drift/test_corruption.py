"""Every damaged checkpoint is told of, and no whole one."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from random import Random

import pytest

import checkpoints
from checkpoints import Checkpoint, CheckpointManager, ReadableStore
from checkpoints.drift.corruption import CorruptionDetector, damage_of
from checkpoints.drift.signals import SignalKind
from checkpoints.errors import CorruptCheckpoint, TransientStoreError
from tests.checkpoints.drift.hostile import TIMES, VALUES


def test_what_no_longer_loads_as_it_was_saved_is_found_and_nothing_else(tmp_path: Path) -> None:
    random = Random(5)
    records, store = _saved(tmp_path, 30)
    whole = [store.load(record) for record in records]
    detector = CorruptionDetector()
    assert not any(detector.update(damage_of(partial(store.load, one))) for one in records)
    store.close()

    damaged = random.sample(records, 15)
    for record in damaged:
        _damage(tmp_path, record, random)

    store, found = checkpoints.open_store(f"file:///{tmp_path}"), 0
    for record, state in zip(records, whole, strict=True):
        damage = damage_of(partial(store.load, record))
        signal = CorruptionDetector().update(damage)
        assert signal is None or record in damaged
        assert signal is not None or store.load(record) == state
        found += signal is not None
    store.close()
    assert found > 10


def _saved(folder: Path, count: int) -> tuple[list[Checkpoint], ReadableStore]:
    """Save a checkpoint of each of several agents; return them and the store."""
    records = []
    for number in range(count):
        with CheckpointManager(f"agent-{number}", store=f"file:///{folder}") as manager:
            state = {"step": number, "text": "kelp " * 40}
            records.append(manager.create_checkpoint(state=state))
    return records, checkpoints.open_store(f"file:///{folder}")


def _damage(folder: Path, record: Checkpoint, random: Random) -> None:
    """Change a byte in the file that holds a checkpoint, or cut its end off."""
    (path,) = (folder / record.agent_id).glob("*/*.json")
    body = bytearray(path.read_bytes())
    place = random.randrange(len(body))
    if random.random() < 0.5:
        body[place] ^= random.randrange(1, 256)
    else:
        del body[place:]
    path.write_bytes(body)


def test_a_row_of_damaged_checkpoints_is_said_once() -> None:
    detector = CorruptionDetector()
    told = [None, "digest", "digest", None, "cut off", None]
    signals = [detector.update(damage, 5.0) for damage in told]

    assert [place for place, signal in enumerate(signals) if signal] == [1, 4]
    assert signals[1] is not None
    assert signals[1].kind is SignalKind.CORRUPTION
    assert str(signals[1]) == "a checkpoint cannot be read: digest"


def test_a_store_that_does_not_answer_is_no_damage() -> None:
    def read() -> None:
        raise TransientStoreError("away")

    with pytest.raises(TransientStoreError):
        damage_of(read)


def test_damage_has_words_even_without_a_message() -> None:
    def read() -> None:
        raise CorruptCheckpoint("")

    assert damage_of(read) == "it is damaged"
    assert CorruptionDetector().update("") is not None


def test_any_input_is_taken() -> None:
    for value in VALUES:
        for at in TIMES:
            CorruptionDetector().update(value, at)


def test_it_goes_on_exactly_where_it_was_stored() -> None:
    first = CorruptionDetector()
    first.update("digest")
    second = CorruptionDetector.from_dict(json.loads(json.dumps(first.to_dict())))

    assert second.update("digest") is None
    assert second.update(None) is None
    signal = second.update("digest")
    assert signal is not None
    assert signal.index == 3
