"""Handing events out as files that can be checked without the database."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from dashboard.chains import Link
from dashboard.services.audit.checking import Checker
from dashboard.services.audit.verifying import Verification, verification

Format = Literal["jsonl", "csv"]
FIELDS = (
    "sequence",
    "at",
    "user",
    "actor",
    "action",
    "target",
    "project",
    "details",
    "previous",
    "hash",
)
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_MARK = "'"
"""Put before what a spreadsheet would calculate, and before itself, so that it can be taken off."""


class UnreadableExport(ValueError):
    """The file is no export of the audit log."""


def lines(links: Iterable[Link], form: Format) -> Iterator[str]:
    """Yield the lines of an export."""
    return _csv_lines(links) if form == "csv" else _json_lines(links)


def neutral(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"{_MARK}{text}" if text.startswith((*_FORMULA, _MARK)) else text


def verify_file(
    text: Iterable[str], *, now: datetime, expect: str = "", partial: bool = False
) -> Verification:
    """Check an export. ``partial``: it leaves events out on purpose, such as other projects'.

    Raises UnreadableExport.
    """
    try:
        links = list(_read(text))
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableExport(f"it is no export of the audit log ({error})") from error
    if not links:
        raise UnreadableExport("it holds no event")
    places = {link.hash: link.sequence for link in links}
    checker = Checker(place_of=places.get, expect=expect, partial=partial)
    for link in links:
        checker.take(link)
    checker.end()
    return verification(checker, now)


def _json_lines(links: Iterable[Link]) -> Iterator[str]:
    for link in links:
        yield json.dumps(link.to_dict(), ensure_ascii=False) + "\n"


def _csv_lines(links: Iterable[Link]) -> Iterator[str]:
    yield _row(FIELDS)
    for link in links:
        values = {**link.to_dict(), "details": json.dumps(link.to_dict()["details"])}
        yield _row("" if values[name] is None else str(values[name]) for name in FIELDS)


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow([neutral(cell) for cell in cells])
    return line.getvalue()


def _read(text: Iterable[str]) -> Iterator[Link]:
    found = iter(text)
    first = next(found, "")
    if first.startswith("{"):
        yield from (_link(json.loads(line)) for line in (first, *found) if line.strip())
    elif first:
        for cells in csv.DictReader(found, fieldnames=next(csv.reader([first])), strict=True):
            yield _link(_plain(cells))


def _plain(cells: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: cells[name].removeprefix(_MARK) for name in FIELDS}
    for name in ("sequence", "user", "project"):
        values[name] = int(values[name]) if values[name] else None
    return {**values, "details": json.loads(values["details"])}


def _link(values: Mapping[str, Any]) -> Link:
    known = {name: values[name] for name in FIELDS}
    return Link(**{**known, "at": datetime.fromisoformat(known["at"])})
