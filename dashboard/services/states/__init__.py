"""Reading states: a node at a time, the difference of two, the bytes as they are."""

from dashboard.services.states.diffs import DiffPage, diff_page
from dashboard.services.states.editing import (
    EditableValue,
    editable_value,
    edited_changes,
    why_not_kept,
)
from dashboard.services.states.loading import RawBody, raw_bytes
from dashboard.services.states.nodes import Node
from dashboard.services.states.pages import NoSuchPath, StatePage, state_page
from dashboard.services.states.places import NoPlace, Place, places_text, read_places

__all__ = [
    "DiffPage",
    "EditableValue",
    "NoPlace",
    "NoSuchPath",
    "Node",
    "Place",
    "RawBody",
    "StatePage",
    "diff_page",
    "editable_value",
    "edited_changes",
    "places_text",
    "raw_bytes",
    "read_places",
    "state_page",
    "why_not_kept",
]
