"""The keys of a store's objects.

::

    holdfast                                          the store's id and format
    threads/<thread>/<agent>                          a thread: its head and its log
    pages/<thread>.<agent>/<write>.<nonce>            an older part of a log
    frames/<id>/<thread>.<agent>.<seq>.<write>.<nonce>  one checkpoint
    operations/<operation>                            a move of a head that was asked for
    entries/<thread>/<agent>/<kind>/<key>             an entry of a thread's journal
    quarantine/<key>                                  what could not be read

Names may be any text, so keys hold hashes of them and the objects the names; only an entry's key
stands there in hexadecimal, so that a listing has its order. No key is ever written twice but
those of entries that are replaced, and those of threads against the version that was read.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from hashlib import sha256
from typing import NamedTuple

from checkpoints.stores.entry_bytes import EntryName

STORE = "holdfast"
THREADS = "threads/"
PAGES = "pages/"
FRAMES = "frames/"
OPERATIONS = "operations/"
ENTRIES = "entries/"
QUARANTINE = "quarantine/"
PROBES = "probes/"


def hashed(text: str) -> str:
    """Return 128 bits of a text's SHA-256 as 26 characters that any key may hold."""
    digest = sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
    return b32encode(digest).decode().rstrip("=").lower()


def new_nonce() -> str:
    """Return what makes a key unlike every other."""
    return secrets.token_hex(8)


class ThreadName(NamedTuple):
    """A thread as keys name it: hashes of its own id and of its agent's."""

    thread: str
    agent: str

    def __str__(self) -> str:
        return f"{self.thread}.{self.agent}"


def thread_name(agent_id: str, thread_id: str) -> ThreadName:
    """Return how keys name a thread."""
    return ThreadName(hashed(thread_id), hashed(agent_id))


def thread_key(name: ThreadName) -> str:
    """Return the key of a thread's object."""
    return f"{THREADS}{name.thread}/{name.agent}"


def thread_of_key(key: str) -> ThreadName | None:
    """Return the thread that a key under ``threads/`` names, None for a foreign one."""
    parts = key.removeprefix(THREADS).split("/")
    return ThreadName(*parts) if len(parts) == 2 else None


class PageName(NamedTuple):
    """A page's name: ``write`` is the thread's number of the write that brought it."""

    thread: ThreadName
    write: int
    nonce: str

    @property
    def key(self) -> str:
        return f"{PAGES}{self.thread}/{self.write}.{self.nonce}"


def page_of_key(key: str) -> PageName | None:
    """Return the page that a key under ``pages/`` names, None for a foreign one."""
    thread, _, rest = key.removeprefix(PAGES).partition("/")
    parts = [*thread.split("."), *rest.split(".")]
    if len(parts) != 4 or not parts[2].isdecimal():
        return None
    return PageName(ThreadName(parts[0], parts[1]), int(parts[2]), parts[3])


class FrameName(NamedTuple):
    """A frame's name: ``seq`` is its place in the thread's log, ``write`` what brought it."""

    checkpoint: str
    thread: ThreadName
    seq: int
    write: int
    nonce: str

    @property
    def key(self) -> str:
        parts = f"{self.thread}.{self.seq}.{self.write}.{self.nonce}"
        return f"{FRAMES}{self.checkpoint}/{parts}"


def frame_of_key(key: str) -> FrameName | None:
    """Return the frame that a key under ``frames/`` names, None for a foreign one."""
    checkpoint, _, rest = key.removeprefix(FRAMES).partition("/")
    parts = rest.split(".")
    if len(parts) != 5 or not (parts[2].isdecimal() and parts[3].isdecimal()):
        return None
    thread = ThreadName(parts[0], parts[1])
    return FrameName(checkpoint, thread, int(parts[2]), int(parts[3]), parts[4])


def frames_of(checkpoint_id: str) -> str:
    """Return what the keys of a checkpoint's frames begin with."""
    return f"{FRAMES}{hashed(checkpoint_id)}/"


def operation_key(operation_id: str) -> str:
    """Return the key of an operation."""
    return f"{OPERATIONS}{hashed(operation_id)}"


SPELLED = 200
"""Bytes of an entry's key that its object's key spells out; behind them stands a hash of it."""


def entries_of(thread: ThreadName, kind: str | None = None) -> str:
    """Return what the keys of a thread's entries, of one kind or of all, begin with."""
    start = f"{ENTRIES}{thread.thread}/{thread.agent}/"
    return start if kind is None else f"{start}{hashed(kind)}/"


def is_spelled(text: str) -> bool:
    """Say whether the key of an entry's object spells out all of this."""
    return len(text.encode("utf-8", "surrogatepass")) <= SPELLED


def spelled(text: str) -> str:
    """Return how an entry's key begins in the key of its object, as long as that spells it out."""
    return "k" + text.encode("utf-8", "surrogatepass")[:SPELLED].hex()


def entry_key(name: EntryName) -> str:
    """Return the key of an entry's object."""
    thread = thread_name(name.agent_id, name.thread_id)
    end = "" if is_spelled(name.key) else f"-{hashed(name.key)}"
    return f"{entries_of(thread, name.kind)}{spelled(name.key)}{end}"


def spelling_of(key: str) -> str:
    """Return what the key of an entry's object spells out."""
    return key.rpartition("/")[2].partition("-")[0]
