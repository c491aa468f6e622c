"""How often a channel is written to, and when one that took nothing is tried again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from dashboard.services.notifications.happenings import HIGH

BETWEEN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
LONGEST_ASKED = timedelta(hours=6)
"""What is waited at most because the other side asks for it."""
MOST_ATTEMPTS = 12
OLDEST = timedelta(hours=24)
"""A message that nobody took for so long is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """When to try again; None with a reason why not."""

    at: datetime | None
    reason: str = ""


def wait(attempts: int, share: float) -> timedelta:
    """Return the wait after so many attempts: exponential with full jitter.

    ``share`` is random, from 0 to 1: of 30 seconds after the first attempt, of twice as much after
    each further one, of an hour at most. After "Exponential Backoff And Jitter" by M. Brooker.
    """
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempts - 1, 12))) * share


def next_try(
    *,
    attempts: int,
    created_at: datetime,
    now: datetime,
    share: float,
    asked: timedelta | None = None,
) -> Next:
    """Decide about a message that was not taken; ``asked`` is what the other side wants to wait."""
    if attempts >= MOST_ATTEMPTS:
        return Next(at=None, reason=f"It was tried {attempts} times.")
    least = min(asked, LONGEST_ASKED) if asked else timedelta()
    at = now + least + wait(attempts, share)
    if at - created_at > OLDEST:
        return Next(at=None, reason=f"It was tried for {OLDEST.total_seconds() / 3600:.0f} hours.")
    return Next(at=at)


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Return the wait that a ``Retry-After`` header asks for (RFC 9110, 10.2.3), None for none."""
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return timedelta(seconds=int(text))
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(timedelta(), (until if until.tzinfo else until.replace(tzinfo=UTC)) - now)


def next_slot(sent: Sequence[datetime], *, per_hour: int, severity: str, now: datetime) -> datetime:
    """Return when a further message may be sent, by when those of the last hour were.

    A quarter of an hour's messages is kept for what is of high severity.
    """
    allowed = per_hour if severity == HIGH else max(1, per_hour - per_hour // 4)
    recent = sorted(at for at in sent if now - at < HOUR)
    return now if len(recent) < allowed else recent[-allowed] + HOUR
