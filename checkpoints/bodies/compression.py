"""zstd for frames: small parts against a dictionary of what agents' states look like."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

import zstandard

from checkpoints.bodies.allocation import keep_large_blocks
from checkpoints.errors import CorruptCheckpoint

LEVEL = 3
AGAINST_LEVEL = 1
"""As small as level 3 where nearly all is known already, in half the time."""
DICTIONARY = "dictionary-1.zdict"
"""Ships with the package and never changes: frames of every age are read with it."""


_ready: dict[int, zstandard.ZstdCompressionDict] = {}


def _dictionary() -> zstandard.ZstdCompressionDict:
    """Return the dictionary that all threads share, made ready by whichever was first."""
    return _ready.get(LEVEL) or _ready.setdefault(LEVEL, _made_ready())


def _made_ready() -> zstandard.ZstdCompressionDict:
    """Prepare a dictionary for both directions.

    python-zstandard would do so at its first use, without a lock: threads that share one which is
    not ready yet end in a segmentation fault.
    """
    dictionary = zstandard.ZstdCompressionDict(Path(__file__).with_name(DICTIONARY).read_bytes())
    dictionary.precompute_compress(level=LEVEL)
    packed = zstandard.ZstdCompressor(level=LEVEL, dict_data=dictionary).compress(b"ready")
    zstandard.ZstdDecompressor(dict_data=dictionary).decompress(packed)
    return dictionary


class _Tools(threading.local):
    """Compressors of one thread; python-zstandard's must not be shared by several."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL)
        self.small_compressor = zstandard.ZstdCompressor(
            level=LEVEL, dict_data=_dictionary(), write_dict_id=False
        )
        self.decompressor = zstandard.ZstdDecompressor()
        self.small_decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary())


_tools = cache(_Tools)


def compress(data: bytes) -> bytes:
    """Compress a part that is large enough to stand by itself."""
    return _tools().compressor.compress(data)


def compress_small(data: bytes) -> bytes:
    """Compress a small part against the dictionary."""
    return _tools().small_compressor.compress(data)


def compress_against(data: bytes, base: bytes) -> bytes:
    """Compress a short state against an earlier one, which is needed again to unpack it."""
    known = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    compressor = zstandard.ZstdCompressor(level=AGAINST_LEVEL, dict_data=known, write_dict_id=False)
    return compressor.compress(data)


def decompress_against(data: bytes, base: bytes, *, limit: int) -> bytes:
    """Unpack at most ``limit`` bytes with the earlier state. Raises CorruptCheckpoint."""
    _check(data, limit)
    known = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    try:
        return zstandard.ZstdDecompressor(dict_data=known).decompress(data)
    except zstandard.ZstdError as error:
        raise CorruptCheckpoint(f"it cannot be decompressed: {error}") from error


def decompress(data: bytes, *, limit: int) -> bytes:
    """Unpack at most ``limit`` bytes. Raises CorruptCheckpoint."""
    keep_large_blocks()
    _check(data, limit)
    try:
        return _tools().decompressor.decompress(data)
    except zstandard.ZstdError as error:
        raise CorruptCheckpoint(f"it cannot be decompressed: {error}") from error


def decompress_small(data: bytes, *, limit: int) -> bytes:
    """Unpack at most ``limit`` bytes with the dictionary. Raises CorruptCheckpoint."""
    _check(data, limit)
    try:
        return _tools().small_decompressor.decompress(data)
    except zstandard.ZstdError as error:
        raise CorruptCheckpoint(f"it cannot be decompressed: {error}") from error


def _check(data: bytes, limit: int) -> None:
    try:
        size = zstandard.frame_content_size(data)
    except zstandard.ZstdError as error:
        raise CorruptCheckpoint(f"it is not what was compressed: {error}") from error
    if not 0 <= size <= limit:
        raise CorruptCheckpoint("it claims a size that no state has")
