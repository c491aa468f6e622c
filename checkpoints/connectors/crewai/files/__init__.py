"""CrewAI's checkpoints in a folder, a file for each."""

from checkpoints.connectors.crewai.files.store import CrewAIFolderStore

__all__ = ["CrewAIFolderStore"]
