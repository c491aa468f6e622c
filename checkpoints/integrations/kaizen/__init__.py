"""Kaizen's agents on a store of Holdfast: change the storage, keep the rest.

``HoldfastStorage`` stands where ``FilesystemStorage`` stood. ``HoldfastStateManager`` is Kaizen's
``StateManager`` with hooks that can refuse or change what is saved. ``capture_fully`` completes
what an agent captures of itself.
"""

try:
    import kaizen.core.autonomy.state as _  # noqa: F401 - says at once what is missing
except ModuleNotFoundError as error:
    raise ImportError(
        "checkpoints.integrations.kaizen needs Kaizen; install it with: pip install "
        "'holdfast[kaizen]'"
    ) from error

from checkpoints.integrations.kaizen.capturing import FullCapture, capture_fully
from checkpoints.integrations.kaizen.managing import HoldfastStateManager
from checkpoints.integrations.kaizen.storage import HoldfastStorage

__all__ = ["FullCapture", "HoldfastStateManager", "HoldfastStorage", "capture_fully"]
