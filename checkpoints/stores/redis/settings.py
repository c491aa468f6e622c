"""What the settings of a Redis server mean for what was saved in it."""

from __future__ import annotations

from collections.abc import Mapping


def doubts(settings: Mapping[str, str]) -> dict[str, str]:
    """Return a sentence for each thing that may lose a checkpoint.

    ``durability`` and ``eviction``, by the names that ``Capabilities.reasons`` has for them. What
    could not be read is doubted, except how often an append-only file is flushed: unless somebody
    changed that, every second.
    """
    found = {"durability": _durability(settings), "eviction": _eviction(settings)}
    return {name: sentence for name, sentence in found.items() if sentence}


def _durability(settings: Mapping[str, str]) -> str:
    appends, flushes = settings.get("appendonly"), settings.get("appendfsync")
    if appends is None:
        return (
            "This Redis does not tell whether it keeps what it acknowledges; without its append-"
            "only file a restart may lose checkpoints. Set appendonly yes, appendfsync always."
        )
    if appends != "yes":
        return (
            "This Redis acknowledges saves that its disk does not have: a restart may lose them. "
            "Set appendonly yes, and appendfsync always or everysec."
        )
    if flushes == "no":
        return (
            "This Redis leaves it to the system when its file reaches the disk: a power failure "
            "may lose half a minute. Set appendfsync always or everysec."
        )
    return ""


def _eviction(settings: Mapping[str, str]) -> str:
    policy = settings.get("maxmemory-policy")
    if policy is None:
        return "This Redis does not tell what it does when memory is full; set noeviction."
    if policy == "noeviction":
        return ""
    return (
        f"This Redis drops keys when memory is full ({policy}), and a store with them. "
        "Set maxmemory-policy noeviction."
    )
