"""The documentation points at what exists, in words that the house uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, links, pages

UNFINISHED = ("TODO", "FIXME", "XXX", "lorem ipsum", "coming soon")
ADVERTISING = ("blazing", "seamless", "powerful", "effortless", "cutting-edge", "world-class")
OTHER_WORDS_FOR_OURS = ("rollback", "roll back", "snapshot", "backend storage")
SOURCES = ("checkpoints", "dashboard", "templates", "static/js", "static/css", "examples", "deploy")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _sources() -> list[Path]:
    files = [file for folder in SOURCES for file in (ROOT / folder).rglob("*")]
    return [file for file in files if file.suffix in {".py", ".html", ".js", ".css"}]


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_relative_links_resolve(page: Path) -> None:
    targets = [link.partition("#")[0] for link in links(page) if "://" not in link]
    assert [name for name in targets if name and not (page.parent / name).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_documentation_is_finished_and_plain(page: Path) -> None:
    text = page.read_text().lower().replace("never a snapshot, a restore never a rollback", "")
    forbidden = (*UNFINISHED, *ADVERTISING, *OTHER_WORDS_FOR_OURS)
    assert [word for word in forbidden if word.lower() in text] == []


def test_nothing_in_the_code_waits_to_be_done() -> None:
    waiting = re.compile(r"\b(TODO|FIXME|XXX)\b")
    assert [_name(file) for file in _sources() if waiting.search(file.read_text())] == []


def test_every_page_is_reached_from_the_index() -> None:
    index = ROOT / "docs/README.md"
    reached = {(index.parent / link).resolve() for link in links(index)}
    reference = set((ROOT / "docs/reference").glob("*.md"))
    assert reference <= reached
