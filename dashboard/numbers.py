"""Numbers of rows in addresses: one that no database can hold leads nowhere."""

from __future__ import annotations

from django.urls import converters

LONGEST = 18


class RowNumber(converters.IntConverter):
    """Matches whole numbers that fit into 64 bits."""

    regex = rf"[0-9]{{1,{LONGEST}}}"
