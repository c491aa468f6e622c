"""Why an order is none. Nothing was asked for when this is raised."""

from __future__ import annotations


class OrderInvalid(Exception):
    """The order does not make sense; ``field`` names what is wrong in it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
