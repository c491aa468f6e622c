"""Telling a dashboard what an agent does, in the background, without ever failing or slowing it."""

from checkpoints.reporting.counters import Counters
from checkpoints.reporting.inbox import IncomingDirective
from checkpoints.reporting.reporter import Reporter
from checkpoints.reporting.settings import Bounds, Settings

__all__ = ["Bounds", "Counters", "IncomingDirective", "Reporter", "Settings"]
