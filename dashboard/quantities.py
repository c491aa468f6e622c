"""Ages and sizes as people type them: ``36h``, ``2 d``, ``1.5 MB``. Pure."""

from __future__ import annotations

from datetime import timedelta

LONGEST = 24
"""Characters above which nothing is read as a quantity."""
AGES = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_LARGEST_SIZE = 2**62
_LONGEST_AGE = timedelta(days=365 * 1000)


def age(text: str) -> timedelta:
    """Return an age such as ``90s``, ``30min``, ``36h``, ``2d`` or ``1w``. Raises ValueError."""
    number, unit = _split(text)
    if unit not in AGES:
        raise ValueError("an age ends in s, min, h, d or w, such as 36h or 2d")
    seconds = number * AGES[unit].total_seconds()
    if seconds > _LONGEST_AGE.total_seconds():
        raise ValueError("an age is at most 1000 years")
    return timedelta(seconds=seconds)


def size(text: str) -> int:
    """Return a size in bytes, such as ``912``, ``40KB`` or ``1.5 MB``. Raises ValueError."""
    number, unit = _split(text)
    if unit not in SIZES:
        raise ValueError("a size ends in KB, MB, GB or TB, or in nothing for bytes")
    found = number * SIZES[unit]
    if found > _LARGEST_SIZE:
        raise ValueError("a size is at most 4 EB")
    return round(found)


def whole(text: str) -> int:
    """Return a whole number of at most 18 digits. Raises ValueError."""
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise ValueError("a whole number of at most 18 digits")
    return int(text)


def shown_age(value: timedelta) -> str:
    """Return an age as :func:`age` reads it, in the largest unit that divides it."""
    for unit in ("d", "h", "min"):
        if value % AGES[unit] == timedelta(0):
            return f"{value // AGES[unit]}{unit}"
    return f"{value.total_seconds():g}s"


def shown_size(count: int) -> str:
    """Return a size as :func:`size` reads it, in the largest unit that divides it."""
    for unit in ("tb", "gb", "mb", "kb"):
        if count % SIZES[unit] == 0:
            return f"{count // SIZES[unit]} {unit.upper()}"
    return str(count)


def _split(text: str) -> tuple[float, str]:
    """Return the number and the unit in small letters."""
    given = text.strip().lower()
    number = given.rstrip("abcdefghijklmnopqrstuvwxyz ")
    figures = number.replace(".", "", 1)
    if len(given) > LONGEST or not figures.isascii() or not figures.isdigit():
        raise ValueError("it begins with a number, such as 2d or 1.5MB")
    return float(number), given[len(number) :].strip()
