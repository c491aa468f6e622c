"""The names that the migration guide gives exist."""

from __future__ import annotations

import importlib
import re

import pytest

from tests.docs.markdown import ROOT

GUIDE = ROOT / "docs/guides/migrating.md"
_NAME = re.compile(r"`(checkpoints(?:\.\w+)+)`")


def new_names() -> list[str]:
    """Return the dotted names in the second column of the guide's tables."""
    rows = [line.split("|") for line in GUIDE.read_text().splitlines() if line.startswith("| ")]
    return sorted({name for row in rows for name in _NAME.findall(row[2])})


@pytest.mark.parametrize("name", new_names())
def test_every_new_name_can_be_imported(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def test_the_guide_speaks_of_every_founding_system() -> None:
    titles = re.findall(r"^## From (.+)$", GUIDE.read_text(), re.MULTILINE)
    assert titles == ["the Resilient Checkpoint System", "Kaizen", "Sifaka"]
