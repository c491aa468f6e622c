"""Short texts that say whether two values of any size are the same, or nearly."""

from checkpoints.drift.sketches.comparing import Sketch, parsed
from checkpoints.drift.sketches.making import sketch

__all__ = ["Sketch", "parsed", "sketch"]
