"""What a child does between fork and exec, so that it never outlives its supervisor."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def tied_to(parent: int) -> Callable[[], None]:
    """Return what ties a new child to the process ``parent``.

    The kernel kills the child with its parent (Linux only). A shell that starts jobs in the
    background has them ignore SIGINT; the child gets the default back.
    """

    def tie() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return tie
