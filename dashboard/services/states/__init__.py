"""Reading states: a node at a time, the difference of two, the bytes as they are."""

from dashboard.services.states.diffs import DiffPage, diff_page
from dashboard.services.states.loading import RawBody, raw_bytes
from dashboard.services.states.nodes import Node
from dashboard.services.states.pages import NoSuchPath, StatePage, state_page

__all__ = [
    "DiffPage",
    "NoSuchPath",
    "Node",
    "RawBody",
    "StatePage",
    "diff_page",
    "raw_bytes",
    "state_page",
]
