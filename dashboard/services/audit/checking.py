"""Looking whether events are what was appended, in that order, and all of them. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

from dashboard.chains import GENESIS, Link, digest

EDITED, REMOVED, REORDERED, INSERTED, CUT, EXPECTED = (
    "edited",
    "removed",
    "reordered",
    "inserted",
    "cut",
    "expected",
)
NEARBY = (-1, 1, -2, 2, -3, 3)
"""How far from its place an event is looked for whose hash does not hold there."""
MOST = 100
"""Findings that are kept; one insertion may put all later events out of their places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong. ``sequence`` is where; ``message`` says what, for people."""

    kind: str
    sequence: int
    message: str


@dataclass(slots=True, kw_only=True)
class Checker:
    """Takes events by their sequence and names what is wrong with them.

    ``place_of`` returns where the event with a hash stands now. ``partial`` says that events are
    left out on purpose: each is then checked by itself. ``expect`` is a hash that was noted.
    """

    place_of: Callable[[str], int | None]
    partial: bool = False
    expect: str = ""
    findings: list[Finding] = field(default_factory=list)
    count: int = 0
    last: Link | None = None
    _before: str = GENESIS
    _suspect: bool = False
    _seen: bool = False

    @property
    def sequence(self) -> int:
        """The last event's place."""
        return self.last.sequence if self.last else 0

    @property
    def hash(self) -> str:
        """The last event's hash."""
        return self.last.hash if self.last else GENESIS

    @property
    def full(self) -> bool:
        """Whether more findings would not be kept."""
        return len(self.findings) >= MOST

    def take(self, link: Link) -> None:
        """Check the next event."""
        was = link.sequence if digest(link) == link.hash else self._place_before(link)
        if not self.partial:
            self._check_place(link, moved=was != link.sequence)
        self._check_itself(link, was)
        self._before, self.last, self._suspect = self.hash, link, was != link.sequence
        self.count += 1
        self._seen = self._seen or link.hash == self.expect

    def end(self, *, count: int | None = None, final: str = "") -> None:
        """Compare with what the log itself says its end is, and look for the hash expected."""
        if count is not None:
            self._check_end(count, final)
        if self.expect and not self._seen:
            message = f"no event has the hash {self.expect}: the log was written anew since then"
            self._find(EXPECTED, self.sequence, message)

    def _check_place(self, link: Link, *, moved: bool) -> None:
        if link.sequence <= self.sequence:
            self._find(INSERTED, link.sequence, f"event {link.sequence} stands before the first")
        elif link.sequence > self.sequence + 1:
            first, last = self.sequence + 1, link.sequence - 1
            self._find(REMOVED, first, f"{_events(first, last)} missing before event {last + 1}")
        elif link.previous != self.hash and not self._suspect:
            self._name_the_one_before(link, moved=moved)

    def _name_the_one_before(self, link: Link, *, moved: bool) -> None:
        """Say why an event does not follow the one before it, which holds by itself."""
        if self.sequence and link.previous == self._before:
            message = f"event {self.sequence} was put in later: the next follows the one before it"
            self._find(INSERTED, self.sequence, message)
        elif not moved:
            place = self.sequence or link.sequence
            message = f"event {place} is another than the next one was appended to"
            self._find(EDITED, place, message)

    def _check_itself(self, link: Link, was: int | None) -> None:
        if was is None:
            self._find(EDITED, link.sequence, f"event {link.sequence} was changed")
        elif was != link.sequence:
            message = f"event {link.sequence} was appended as event {was}"
            self._find(REORDERED, link.sequence, message)

    def _place_before(self, link: Link) -> int | None:
        """Return the place at which the event's hash holds, if it was only moved."""
        places = [link.sequence + distance for distance in NEARBY]
        if (predecessor := self.place_of(link.previous)) is not None:
            places.append(predecessor + 1)
        for place in places:
            if digest(dataclasses.replace(link, sequence=place)) == link.hash:
                return place
        return None

    def _check_end(self, count: int, final: str) -> None:
        if count > self.sequence:
            first = self.sequence + 1
            self._find(CUT, first, f"{_events(first, count)} missing at the end")
        elif count < self.sequence:
            message = f"events after {count} were put in without being counted"
            self._find(INSERTED, count + 1, message)
        elif final != self.hash and not self._suspect:
            self._find(EDITED, self.sequence, f"event {self.sequence} is another than was appended")

    def _find(self, kind: str, sequence: int, message: str) -> None:
        if not self.full:
            self.findings.append(Finding(kind=kind, sequence=sequence, message=message))


def _events(first: int, last: int) -> str:
    return f"event {first} is" if first == last else f"events {first} to {last} are"
