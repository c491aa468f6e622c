"""Writing a frame anew against what stays, when something that it stands on goes."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from checkpoints.bodies.chains import Link, StoredState, Tip, pack_against
from checkpoints.bodies.encryption import Keyring, NotOpened
from checkpoints.bodies.frames import level_of
from checkpoints.errors import PermanentStoreError


def rebased(
    links: Sequence[Link], going: Container[Any], keys: Keyring | None = None
) -> tuple[bytes, Any]:
    """Return the newest link's frame against the nearest one that stays, and that one's key.

    The frame is whole, and the key None, when nothing that it stands on stays. Raises
    CorruptCheckpoint for one that was lost before, PermanentStoreError for one that is whole and
    that these keys do not open: what it stands on must stay.
    """
    try:
        return _rebased(links, going, keys)
    except NotOpened as error:
        raise PermanentStoreError(
            f"{links[0].checkpoint_id} stands on what was to be deleted and cannot be written "
            f"anew: {error}; that stays, open the store with its key"
        ) from error


def _rebased(
    links: Sequence[Link], going: Container[Any], keys: Keyring | None
) -> tuple[bytes, Any]:
    state = StoredState(links, keys).encoded()
    behind = next((n for n, link in enumerate(links) if n and link.key not in going), None)
    base = None
    if behind is not None:
        earlier = StoredState(links[behind:], keys).encoded()
        base = Tip(key=links[behind].key, state=earlier)
    packed = pack_against(
        base, state, level_of(links[0].data), checkpoint_id=links[0].checkpoint_id, keys=keys
    )
    return packed.data, packed.base
