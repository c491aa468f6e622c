"""Whether two states are the same, more strictly than ``==`` asks: types count, and so does NaN."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from checkpoints.records import JournalEntry

_SPELT = (datetime, time, Decimal)
"""Equal values of these may still differ: in their zone, or in how exact they claim to be."""


def same_entry(one: JournalEntry, other: JournalEntry) -> bool:
    """Say whether two journal entries are alike throughout."""
    if replace(one, data={}) != replace(other, data={}):
        return False
    return same(dict(one.data), dict(other.data))


def same(one: Any, other: Any) -> bool:
    """Say whether two values are alike throughout, in type, order and sign.

    ``1`` is not ``True`` or ``1.0``, a tuple is not a list, ``0.0`` is not ``-0.0``; a NaN is a
    NaN. The order of a mapping's keys counts, that of a set's items does not.
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return _same_items([*one.items()], [*other.items()])
    if isinstance(one, (list, tuple)):
        return _same_items(one, other)
    if isinstance(one, float):
        return _same_float(one, other)
    if isinstance(one, _SPELT):
        return repr(one) == repr(other)
    return bool(one == other)


def _same_items(ones: Any, others: Any) -> bool:
    return len(ones) == len(others) and all(map(same, ones, others))


def _same_float(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other and math.copysign(1, one) == math.copysign(1, other)
