"""JSON that others wrote: within limits, inert, and never anything but our own errors."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import pytest

from checkpoints.connectors.documents import Unreadable, decode_for_rewriting, decode_object
from checkpoints.connectors.documents.decoding import decode


def kind_of(content: bytes) -> str | None:
    try:
        decode_object(content)
    except Unreadable as error:
        return error.kind
    return None


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "zero_length"),
        (b"\0" * 4096, "undecodable"),
        (b"{", "truncated"),
        (b'{"a": [1, 2', "truncated"),
        (b'{"a": {"b": 1}', "truncated"),
        (b'{"a": 1} {"b": 2}', "undecodable"),
        (b'{"a" 1}', "undecodable"),
        (b"[]", "undecodable"),
        (b"3", "undecodable"),
        (b'{"a": "\xff\xfe"}', "undecodable"),
        ('{"a": 1}'.encode("utf-16"), "undecodable"),
        (b"\xef\xbb\xbf{}", "undecodable"),
        (b"[" * 100_000, "undecodable"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "undecodable"),
        (b'{"a": [' + b"[]," * 200_001 + b"1]}", "undecodable"),
        (b'{"a": ' + b"9" * 5000 + b"}", "undecodable"),
        (b'{"__pickled__": "gASV", "__type__": "os:system"}', "undecodable"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:12]),
)
def test_each_kind_of_damage_is_named(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


@pytest.mark.parametrize(
    "content",
    [b'{"a": NaN, "b": Infinity, "c": 1e999}', b'{"a": "\\u0000"}', b'{"": {"": null}}', b"{}"],
)
def test_odd_values_are_read(content: bytes) -> None:
    assert kind_of(content) is None


def test_the_last_of_a_doubled_key_counts_and_the_key_is_named() -> None:
    decoded = decode_object(b'{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}')
    assert decoded.value == {"a": 3, "b": {"c": 2}}
    assert decoded.doubled == ("c", "a")


def test_halves_of_surrogate_pairs_are_replaced_and_whole_pairs_are_not() -> None:
    decoded = decode_object(b'{"a\\ud800": "\\udc00 \\ud83d\\ude00", "b": ["\\ud800"]}')
    assert decoded.value == {"a\ufffd": "\ufffd \U0001f600", "b": ["\ufffd"]}


def test_a_pickle_is_named_and_blocked() -> None:
    value = decode(b'[{"__pickled__": "gASV", "__type__": "agent.state:Memory"}]').value
    assert value == [{"__type__": "blocked: agent.state.Memory", "value": "gASV"}]


def test_what_names_no_type_is_blocked_all_the_same() -> None:
    assert decode(b'[{"__pickled__": 1}]').value == [{"__type__": "blocked: pickle", "value": 1}]


def test_a_constructor_is_described_and_not_called() -> None:
    text = b'[{"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {"command": "x"}}]'
    assert decode(text).value == [{"__type__": "os.system", "value": {"command": "x"}}]


def test_for_rewriting_pickles_stay_as_they_are() -> None:
    text = b'{"a": {"__pickled__": "gASV", "__type__": "os:system"}}'
    assert decode_for_rewriting(text) == {"a": {"__pickled__": "gASV", "__type__": "os:system"}}


def test_the_files_of_jsontestsuite_raise_nothing_but_our_own_errors(data_dir: Path) -> None:
    before = set(sys.modules)
    [archive] = (data_dir / "security").glob("*[jJ][sS][oO][nN]*.tar.gz")
    verdicts: dict[str, bool] = {}
    with tarfile.open(archive) as members:
        for member in members:
            file = members.extractfile(member) if member.name.endswith(".json") else None
            if file:
                verdicts[Path(member.name).name] = _is_read(file.read())
    assert len(verdicts) > 300
    refused = {name for name, read in verdicts.items() if name.startswith("y_") and not read}
    taken = {name for name, read in verdicts.items() if name.startswith("n_") and read}
    assert refused == set()
    assert {name for name in taken if "NaN" not in name and "nfinity" not in name} == set()
    assert set(sys.modules) == before


def _is_read(content: bytes) -> bool:
    try:
        decode(content)
    except Unreadable:
        return False
    return True
