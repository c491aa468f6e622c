"""Copying a store, with its history, into a store of another kind."""

from checkpoints.migration.copying import Report, migrate
from checkpoints.migration.survey import Survey, survey

__all__ = ["Report", "Survey", "migrate", "survey"]
