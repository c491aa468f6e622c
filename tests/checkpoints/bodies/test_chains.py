"""Frames that stand on each other, written and read back."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints.bodies.chains import (
    GROUP,
    GROUPS,
    Link,
    Packed,
    StoredState,
    Tip,
    pack_next,
    tip_of,
)
from checkpoints.bodies.compression import decompress
from checkpoints.bodies.encryption import Keyring
from checkpoints.bodies.frames import Level, is_intact, open_frame, pack_frame
from checkpoints.bodies.patches import Kept
from checkpoints.bodies.rebasing import rebased
from checkpoints.bodies.states import CHUNK, SHORT, LongState, ShortState, encode_state
from checkpoints.errors import CheckpointError, CorruptCheckpoint, PermanentStoreError

State = dict[str, Any]


class Run:
    """States saved one after the other, as a store would keep them."""

    def __init__(self, keys: Keyring | None = None) -> None:
        self.keys = keys
        self.frames: list[Packed] = []
        self.tip: Tip | None = None

    def save(self, state: State) -> Packed:
        earlier = self.tip.state if self.tip else None
        number = len(self.frames)
        packed = pack_next(
            encode_state(state, earlier), self.tip, checkpoint_id=str(number), keys=self.keys
        )
        self.frames.append(packed)
        self.tip = packed.landed(number)
        return packed

    def links(self, number: int | None) -> list[Link]:
        found = []
        while number is not None:
            frame = self.frames[number]
            found.append(Link(key=number, checkpoint_id=str(number), data=frame.data))
            number = frame.base
        return found

    def load(self, number: int) -> State:
        return StoredState(self.links(number), self.keys).decoded()


def growing(count: int, *, size: int = 600, seed: int = 1) -> Iterator[State]:
    """Yield states that grow, are edited in the middle, and are cut now and then."""
    random = Random(seed)
    messages: list[str] = []
    for step in range(count):
        messages.append(f"{step} " + "".join(random.choices("abcdefgh ", k=size)))
        if step % 7 == 3:
            messages[random.randrange(len(messages))] += " edited"
        if step % 50 == 49:
            del messages[: len(messages) // 2]
        yield {
            "step": step,
            "messages": list(messages),
            "plan": ("read", "write"),
            "done": step > 9,
        }


@pytest.mark.parametrize("size", [10, 3000], ids=["short states", "long states"])
def test_every_state_of_a_long_run_reads_back_exactly(size: int) -> None:
    run, states = Run(), list(growing(150, size=size))
    for state in states:
        run.save(state)
    for number, state in enumerate(states):
        assert run.load(number) == state


def test_no_chain_is_longer_than_a_segment_allows() -> None:
    run = Run()
    for state in growing(300, size=3000):
        run.save(state)
    lengths = [len(run.links(number)) for number in range(300)]
    assert max(lengths) <= GROUP + GROUPS - 1
    wholes = [n for n, frame in enumerate(run.frames) if frame.level is Level.WHOLE]
    assert all(after - before <= GROUP * GROUPS for before, after in pairwise(wholes))


def test_what_a_step_adds_is_all_that_is_written() -> None:
    run = Run()
    sizes = [len(run.save(state).data) for state in growing(40, size=3000)]
    assert sum(sizes[33:36]) < 3 * 4000


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=5)
    ),
    max_leaves=12,
)
some_states = st.dictionaries(st.text(max_size=3), values, max_size=6)


@given(states=st.lists(some_states, min_size=1, max_size=6), padding=st.sampled_from([0, SHORT]))
@settings(max_examples=150)
def test_any_states_after_each_other_read_back(states: list[State], padding: int) -> None:
    run = Run()
    for number, state in enumerate(states):
        run.save({**state, "padding": "x" * (padding if number % 3 else 0)})
    for number, state in enumerate(states):
        assert run.load(number) == {**state, "padding": "x" * (padding if number % 3 else 0)}


@pytest.mark.parametrize("padding", [0, SHORT])
def test_keys_that_are_no_text_are_kept_at_the_top_too(padding: int) -> None:
    run = Run()
    for state in ({1: "a", "b": "x" * padding}, {1: "a", (2, 3): "x" * padding}, {"c": 1}):
        run.save(state)  # type: ignore[arg-type]
    assert run.load(1) == {1: "a", (2, 3): "x" * padding}
    assert run.load(2) == {"c": 1}


def test_the_digest_of_a_state_depends_on_nothing_but_itself() -> None:
    states = list(growing(60, size=1500))
    run = Run()
    for state in states:
        run.save(state)
        assert run.tip is not None
        assert run.tip.state.sha256 == encode_state(copy.deepcopy(state)).sha256
        assert run.tip.state.size == encode_state(state).size


def test_a_state_that_shrinks_is_short_again() -> None:
    long = encode_state({"text": "x" * (2 * SHORT)})
    assert isinstance(long, LongState)
    short = encode_state({"text": "x"}, long)
    assert isinstance(short, ShortState)
    assert short.sha256 == encode_state({"text": "x"}).sha256


def test_the_digest_notices_any_chunk_that_changes_or_moves() -> None:
    text = "".join(chr(97 + n % 26) * CHUNK for n in range(6))
    digests = {encode_state({"t": text}).sha256}
    for at in range(0, len(text), CHUNK):
        altered = text[:at] + "!" + text[at + 1 :]
        digests.add(encode_state({"t": altered}, encode_state({"t": text})).sha256)
    digests.add(encode_state({"t": text[CHUNK:] + text[:CHUNK]}).sha256)
    assert len(digests) == 8


def test_a_field_is_read_without_unpacking_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    run.save({"big": "x" * 10_000_000, "small": [1, 2], "other": "y" * 100_000})
    unpacked: list[int] = []

    def counting(data: bytes, *, limit: int) -> bytes:
        unpacked.append(limit)
        return decompress(data, limit=limit)

    monkeypatch.setattr("checkpoints.bodies.frames.decompress", counting)
    stored = StoredState(run.links(0))
    assert stored.field("small") == [1, 2]
    assert unpacked == []
    assert stored.field("other") == "y" * 100_000
    assert sum(unpacked) < 200_000


def test_a_tip_read_from_its_chain_goes_on_as_if_it_had_been_remembered() -> None:
    warm, cold = Run(), Run()
    for state in growing(80, size=3000):
        cold.tip = tip_of(cold.links(len(cold.frames) - 1)) if cold.frames else None
        assert cold.save(state).data == warm.save(state).data


@pytest.mark.parametrize("size", [10, 3000])
def test_what_stood_on_a_removed_frame_reads_back_after_it_is_written_anew(size: int) -> None:
    run, states = Run(), list(growing(40, size=size))
    for state in states:
        run.save(state)
    going = set(range(9)) | {16, 17}
    for number in range(40):
        if number not in going and run.frames[number].base in going:
            data, base = rebased(run.links(number), going)
            assert base not in going
            kept = run.frames[number]
            stands_on = None if base is None else Tip(key=base, state=kept.state)
            run.frames[number] = Packed(
                data=data, level=kept.level, state=kept.state, tip=stands_on
            )
    for number in set(range(40)) - going:
        assert not {link.key for link in run.links(number)} & going
        assert run.load(number) == states[number]


@pytest.mark.parametrize("size", [10, 3000], ids=["short states", "long states"])
def test_every_flipped_bit_of_a_frame_is_noticed(size: int) -> None:
    run, states = Run(), list(growing(12, size=size))
    for state in states:
        run.save(state)
    links = run.links(11)
    for place, link in enumerate(links):
        for index in range(0, len(link.data), max(1, len(link.data) // 150)):
            for bit in range(8):
                data = bytearray(link.data)
                data[index] ^= 1 << bit
                damaged = Link(key=link.key, checkpoint_id=link.checkpoint_id, data=bytes(data))
                assert not is_intact(damaged.data)
                with pytest.raises(CheckpointError):
                    StoredState([*links[:place], damaged, *links[place + 1 :]]).decoded()


def test_every_truncation_of_a_frame_is_noticed() -> None:
    run = Run()
    run.save({"text": "abc" * 50})
    (link,) = run.links(0)
    for length in range(len(link.data)):
        cut = Link(key=0, checkpoint_id="0", data=link.data[:length])
        assert not is_intact(cut.data)
        with pytest.raises(CorruptCheckpoint):
            StoredState([cut]).decoded()


@pytest.mark.parametrize("size", [600, 12_000])
def test_a_frame_under_another_name_or_on_another_base_is_noticed(size: int) -> None:
    run = Run()
    for state in growing(6, size=size):
        run.save(state)
    links = run.links(5)
    assert len(links) > 2
    renamed = Link(key=5, checkpoint_id="another", data=links[0].data)
    for chain in ([renamed, *links[1:]], [links[0], *links[2:]], links[:-1], links[1:][::-1], []):
        with pytest.raises(CorruptCheckpoint):
            StoredState(chain).decoded()


def test_a_forged_frame_cannot_fill_memory() -> None:
    from checkpoints.bodies.compression import compress_small
    from checkpoints.bodies.frames import _assembled

    bomb = compress_small(b"\0" * 50_000_000)
    data = _assembled(0b1000, [b"\0" * 8 + bomb], "c1", None)
    with pytest.raises(CorruptCheckpoint, match="size"):
        StoredState([Link(key=1, checkpoint_id="c1", data=data)])


@given(data=st.binary(max_size=200))
def test_rubbish_is_refused_and_nothing_else_happens(data: bytes) -> None:
    for given_data in (data, b"HF\x02" + data):
        with pytest.raises(CorruptCheckpoint):
            open_frame(given_data, checkpoint_id="c1")


@pytest.mark.parametrize("seed", range(200))
def test_a_forged_index_ends_in_errors_of_ours_alone(seed: int) -> None:
    from checkpoints.bodies.compression import compress_small, decompress_small
    from checkpoints.bodies.frames import _assembled, _sections

    random, run = Random(seed), Run()
    for state in growing(3, size=20_000):
        run.save(state)
    links = run.links(2)
    flags, index, blobs = _sections(links[0].data, "2", None)
    plain = bytearray(decompress_small(index, limit=1 << 20))
    for _ in range(random.randrange(1, 6)):
        plain[random.randrange(len(plain))] = random.randrange(256)
    forged = _assembled(flags, [compress_small(bytes(plain)), *blobs], "2", None)
    with contextlib.suppress(CorruptCheckpoint):
        StoredState([Link(key=2, checkpoint_id="2", data=forged), *links[1:]]).decoded()


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(16_000, [[Kept(0, 16_000)] * 300_000], id="a short field again and again"),
        pytest.param(20_000, [[Kept(0, 1)] * 200_000], id="more pieces than a state has"),
        pytest.param(20_000, [[Kept(0, 20_000)] * 2_000] * 20, id="fields of a state's size each"),
    ],
)
def test_a_small_frame_that_keeps_the_same_again_and_again_cannot_fill_memory(
    first: int, then: list[list[Kept]]
) -> None:
    names = [str(number) for number in range(20)]
    whole = [(number, b"", [bytes(first)]) for number in range(20)]
    frames = [
        pack_frame(Level.WHOLE, names=names, whole=b"", changes=whole, checkpoint_id="c"),
        pack_frame(
            Level.DELTA,
            names=None,
            whole=b"",
            changes=[(number, b"", ops) for number, ops in enumerate(then)],
            checkpoint_id="c",
        ),
    ]
    links = [Link(key=n, checkpoint_id="c", data=data) for n, data in enumerate(frames)]
    with pytest.raises(CorruptCheckpoint, match="size that no state has"):
        StoredState(links[::-1])


def ring(*names: str) -> Keyring:
    return Keyring.from_text(",".join(f"{name}:{KEYS[name]}" for name in names))


KEYS = {name: Keyring.new_key() for name in ("old", "new")}


@pytest.mark.parametrize("size", [10, 3000])
def test_an_encrypted_run_reads_back_and_shows_nothing(size: int) -> None:
    run, states = Run(ring("old")), list(growing(40, size=size))
    for state in states:
        run.save(state)
    assert [run.load(number) for number in range(40)] == states
    assert not any(b"messages" in frame.data for frame in run.frames)


def test_after_a_change_of_keys_old_frames_open_and_new_ones_use_the_new_key() -> None:
    run, states = Run(ring("old")), list(growing(20, size=3000))
    for state in states[:10]:
        run.save(state)
    run.keys = ring("new", "old")
    for state in states[10:]:
        run.save(state)
    assert [run.load(number) for number in range(20)] == states
    run.keys = ring("old")
    with pytest.raises(PermanentStoreError, match="'new'"):
        run.load(15)


def test_a_wrong_or_missing_key_is_named() -> None:
    run = Run(ring("old"))
    run.save({"a": 1})
    with pytest.raises(PermanentStoreError, match="'old' and no key was given"):
        StoredState(run.links(0))
    other = Keyring.from_text(f"old:{KEYS['new']}")
    with pytest.raises(CorruptCheckpoint, match="another key"):
        StoredState(run.links(0), other)


def test_an_encrypted_frame_cannot_stand_for_another_checkpoint() -> None:
    run = Run(ring("old"))
    run.save({"a": 1})
    moved = Link(key=0, checkpoint_id="another", data=run.frames[0].data)
    with pytest.raises(CorruptCheckpoint):
        StoredState([moved], run.keys)


@pytest.mark.parametrize(
    "text",
    [
        f"a:{'A' * 43}=,a:{'A' * 43}=",
        f"{'A' * 43}=",
        f"{'A' * 43}=:2026",
        "",
        "nonsense",
        "a:short",
        "a:" + "A" * 44,
        f":{'A' * 43}=",
        f"{'n' * 65}:{'A' * 43}=",
    ],
)
def test_a_keyring_that_cannot_be_is_refused_without_repeating_a_key(text: str) -> None:
    with pytest.raises(PermanentStoreError) as caught:
        Keyring.from_text(text)
    assert "AAAA" not in str(caught.value)
