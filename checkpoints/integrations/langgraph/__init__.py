"""Holdfast's own stores as the checkpointer of LangGraph's graphs."""

from __future__ import annotations

try:
    import langgraph.checkpoint.base  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "checkpoints.integrations.langgraph needs LangGraph's checkpoint library, which is not "
        "installed: pip install 'holdfast[langgraph]'",
        name=error.name,
    ) from error

from checkpoints.integrations.langgraph.saver import HoldfastSaver

__all__ = ["HoldfastSaver"]
