"""CrewAI's checkpoints in a SQLite file."""

from checkpoints.connectors.crewai.sqlite.store import CrewAISqliteStore

__all__ = ["CrewAISqliteStore"]
