"""``holdfast``: look into any store and act on it, without a server."""

from checkpoints.cli.app import main

__all__ = ["main"]
