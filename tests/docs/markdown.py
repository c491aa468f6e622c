"""What the documentation holds: its files, code blocks, links and tables."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")


def pages() -> list[Path]:
    """Return every Markdown file of the project."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(page: Path, language: str) -> list[str]:
    """Return the page's code blocks in one language."""
    return [text for found, text in _BLOCK.findall(page.read_text()) if found == language]


def links(page: Path) -> list[str]:
    """Return where the page's links and images point."""
    return _LINK.findall(_BLOCK.sub("", page.read_text()))


def first_cells(page: Path) -> list[str]:
    """Return the code in the first cell of each row of the page's tables."""
    rows = [line for line in page.read_text().splitlines() if line.startswith("|")]
    return [code for row in rows for code in _CODE.findall(row.split("|")[1])]
