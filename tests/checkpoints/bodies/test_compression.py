"""Compressing in many threads at once."""

from __future__ import annotations

import subprocess
import sys

MANY_THREADS_AT_ONCE = """
import threading
from checkpoints.bodies import compression

start = threading.Barrier(48)

def work(number):
    start.wait()
    for turn in range(40):
        data = f"{number} {turn} ".encode() * 40
        assert compression.decompress_small(compression.compress_small(data), limit=4096) == data
        assert compression.decompress(compression.compress(data), limit=4096) == data
        packed = compression.compress_against(data, data[3:])
        assert compression.decompress_against(packed, data[3:], limit=4096) == data
    done.append(number)

done = []
threads = [threading.Thread(target=work, args=(n,)) for n in range(48)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(done) == 48
"""


def test_threads_that_begin_at_the_same_moment_share_one_dictionary() -> None:
    for _ in range(5):
        ran = subprocess.run(
            [sys.executable, "-c", MANY_THREADS_AT_ONCE], capture_output=True, check=False
        )
        assert ran.returncode == 0, ran.stderr.decode()
