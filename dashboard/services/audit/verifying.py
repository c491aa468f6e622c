"""Checking the whole log, while others append to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dashboard import access
from dashboard.chains import GENESIS, Link
from dashboard.models import AuditEvent, AuditHead, User
from dashboard.services.audit.checking import Checker, Finding
from dashboard.services.audit.recording import HEAD

CHUNK = 2000
TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a check of the log found. ``hash`` is the last event's: note it elsewhere."""

    at: datetime
    events: int
    hash: str
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify(*, now: datetime, expect: str = "") -> Verification:
    """Check every event, their order and that none is missing.

    ``expect`` is the hash of an event that was noted earlier: without one, nobody can tell a log
    that somebody wrote anew from its first event to its head.
    """
    checker = Checker(place_of=_place_of, expect=expect)
    head = _follow(checker)
    checker.end(count=head.count, final=head.hash)
    return verification(checker, now)


def verification(checker: Checker, now: datetime) -> Verification:
    """Return what a checker found."""
    return Verification(
        at=now, events=checker.count, hash=checker.hash, findings=tuple(checker.findings)
    )


def check(*, user: User, now: datetime) -> Verification:
    """Check the log for a person. Raises Forbidden for who administers no project."""
    if not access.projects(user, "admin", scope="read").exists():
        raise access.Forbidden("Only an administrator may check the audit log.")
    return verify(now=now)


def _follow(checker: Checker) -> AuditHead:
    """Take all events, then the end of the log, which others may move on meanwhile."""
    for _ in range(TRIES):
        for link in _links(checker.sequence):
            checker.take(link)
        head = AuditHead.objects.filter(pk=HEAD).first() or AuditHead(count=0, hash=GENESIS)
        if head.count <= checker.sequence:
            break
    return head


def _links(after: int) -> Iterator[Link]:
    """Yield the events behind a place; a log that does not begin at 1 is taken from its start."""
    rows = AuditEvent.objects.order_by("sequence")
    found = rows.filter(sequence__gt=after) if after else rows
    return (event.link() for event in found.iterator(chunk_size=CHUNK))


def _place_of(hash_: str) -> int | None:
    places = AuditEvent.objects.filter(hash=hash_).values_list("sequence", flat=True)
    return places.order_by("sequence").first()
