"""Making sure, before anything is saved, that a server keeps the conditions of a write."""

from __future__ import annotations

from checkpoints.errors import CorruptCheckpoint, PermanentStoreError
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bucket import Bucket
from checkpoints.stores.objects.bytes import STORE, open_sealed, seal


def identity(bucket: Bucket) -> str | None:
    """Return the store's id, None where nothing was ever saved.

    Raises PermanentStoreError when what lies there is another program's or a newer version's.
    """
    data = bucket.data(object_keys.STORE)
    if data is None:
        return None
    if not data.startswith(b"HFO"):
        raise PermanentStoreError(
            f"{bucket.url}: the object {object_keys.STORE!r} there is another program's; nothing "
            "was changed. Choose another prefix"
        )
    return str(open_sealed(STORE, object_keys.STORE, data)[0])


def begun(bucket: Bucket, new_id: str) -> str:
    """Return the store's id, after beginning the store if there is none.

    Raises PermanentStoreError when the server ignores the conditions of a write: heads could not
    be kept there.
    """
    found = identity(bucket)
    _probe(bucket)
    if found is not None:
        return found
    bucket.create(object_keys.STORE, seal(STORE, object_keys.STORE, [new_id]))
    return identity(bucket) or new_id


def remade(bucket: Bucket, new_id: str) -> str:
    """Return the store's id, a new one where the object that holds it is damaged."""
    try:
        return begun(bucket, new_id)
    except CorruptCheckpoint:
        key = object_keys.STORE
        bucket.put(f"{object_keys.QUARANTINE}{key}", bucket.data(key) or b"")
        bucket.put(key, seal(STORE, key, [new_id]))
        return begun(bucket, new_id)


def _probe(bucket: Bucket) -> None:
    key = f"{object_keys.PROBES}{object_keys.new_nonce()}"
    first = bucket.create(key, b"1")
    try:
        if first is None or bucket.create(key, b"2") is not None:
            raise _ignores(bucket, "create only what is not there (If-None-Match)")
        second = bucket.replace(key, b"3", first)
        if second is None or bucket.replace(key, b"4", first) is not None:
            raise _ignores(bucket, "replace only what was read (If-Match)")
    finally:
        bucket.delete([key])


def _ignores(bucket: Bucket, what: str) -> PermanentStoreError:
    return PermanentStoreError(
        f"{bucket.url}: this server ignores conditional writes; nothing was saved. It was asked "
        f"to {what} and did not keep to it, so two savers could overwrite each other. Use a server "
        "that keeps them"
    )
