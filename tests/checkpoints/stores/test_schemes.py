"""Kinds of store are found by name; a package plugs in its own, and a broken one harms nobody."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkpoints import PermanentStoreError, open_store
from checkpoints.stores import schemes
from checkpoints.stores.urls import parse_url

PLUG_IN = """
from checkpoints.stores.memory import MemoryStore
from checkpoints.stores.schemes import Scheme

SCHEME = Scheme(name="acme", title="Acme", module="acme_holdfast", options=frozenset({"shelf"}))
TAKEN = Scheme(name="sqlite", title="Another's", module="acme_holdfast")
NONE = "no scheme"


def open_url(url):
    store = MemoryStore()
    store.url = url.text
    return store
"""


@pytest.fixture
def plugged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that is installed as pip would install it, with one good entry of five."""
    (tmp_path / "acme_holdfast.py").write_text(PLUG_IN)
    info = tmp_path / "acme_holdfast-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-holdfast\nVersion: 1.0\n")
    entries = {
        "acme": "acme_holdfast:SCHEME",
        "taken": "acme_holdfast:TAKEN",
        "none": "acme_holdfast:NONE",
        "missing": "acme_holdfast:MISSING",
        "broken": "no_such_package:SCHEME",
    }
    lines = [f"{name} = {value}" for name, value in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[holdfast.connectors]", *lines]))
    monkeypatch.syspath_prepend(str(tmp_path))
    schemes._plugged_in.cache_clear()
    yield
    schemes._plugged_in.cache_clear()
    sys.modules.pop("acme_holdfast", None)


@pytest.mark.usefixtures("plugged_in")
def test_a_store_that_a_package_plugs_in_opens_by_its_url() -> None:
    store = open_store("acme:///cupboard?shelf=2")
    assert store.url == "acme:///cupboard?shelf=2"
    assert parse_url("acme:///cupboard").kind.title == "Acme"


@pytest.mark.usefixtures("plugged_in")
def test_its_options_are_checked_like_any_others() -> None:
    with pytest.raises(PermanentStoreError, match="an option that is not known: drawer"):
        parse_url("acme:///cupboard?drawer=2")


@pytest.mark.usefixtures("plugged_in")
def test_what_is_broken_or_takes_a_name_is_left_out_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert [name for name in schemes.schemes() if name not in schemes._BY_NAME] == ["acme"]
    assert schemes.schemes()["sqlite"].module == "checkpoints.stores.sqlite.store"
    left_out = {record.getMessage().split()[2] for record in caplog.records}
    assert left_out == {
        "acme_holdfast:TAKEN",
        "acme_holdfast:NONE",
        "acme_holdfast:MISSING",
        "no_such_package:SCHEME",
    }


def test_a_url_of_no_kind_is_refused_with_the_kinds_that_there_are() -> None:
    with pytest.raises(PermanentStoreError, match="begin with one of agent-framework:///, az://"):
        parse_url("acme:///cupboard")
