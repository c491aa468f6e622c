"""States that LangGraph's saver left in a store of Holdfast's own, as people can read them.

The saver keeps each channel as its serializer made it; only the graph's own code could rebuild
some of the values. Here they are described, and nothing is imported.
"""

from checkpoints.connectors.langgraph_native.needs import exempt, needed_by, to_fork
from checkpoints.connectors.langgraph_native.reading import load_readable

__all__ = ["exempt", "load_readable", "needed_by", "to_fork"]
