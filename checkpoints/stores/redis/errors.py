"""What the errors of a Redis server mean for a store."""

from __future__ import annotations

import re
import socket
import ssl

import redis
from redis.exceptions import RedisError

from checkpoints.errors import PermanentStoreError, StoreError, TransientStoreError

_FULL = "has no memory left (maxmemory); what was saved before is safe"
_PERMANENT = {
    "OOM": _FULL,
    "MISCONF": "cannot write to its disk and takes no writes; see its log",
    "NOPERM": "forbids this user what a store needs (scripts, hashes and sorted sets)",
    "NOAUTH": "wants a password; write redis://:password@host",
    "WRONGPASS": "refuses this user and password",
    "WRONGTYPE": "holds something else under the names of this store",
    "MOVED": "is a node of a cluster that does not hold this store; name the node that does",
    "READONLY": "is a replica and takes no writes; name its primary",
}
_TRANSIENT = {
    "LOADING": "is still loading its data",
    "BUSY": "is busy with somebody's script",
    "MASTERDOWN": "has lost its primary",
    "CLUSTERDOWN": "is part of a cluster that is down",
    "TRYAGAIN": "is moving the store to another node",
    "NOREPLICAS": "has too few replicas at the moment to take writes",
    "UNBLOCKED": "is changing its role",
}
_UNCERTAIN = (
    "what was to be written may have arrived; the same save again, with the same id, is safe"
)
_CODES = {
    redis.exceptions.AuthenticationError: "WRONGPASS",
    redis.exceptions.BusyLoadingError: "LOADING",
    redis.exceptions.MovedError: "MOVED",
    redis.exceptions.NoPermissionError: "NOPERM",
    redis.exceptions.OutOfMemoryError: "OOM",
    redis.exceptions.ReadOnlyError: "READONLY",
    redis.exceptions.TryAgainError: "TRYAGAIN",
    redis.exceptions.MasterDownError: "MASTERDOWN",
    redis.exceptions.ClusterDownError: "CLUSTERDOWN",
}
_OF_SCRIPTS = re.compile(r"-([A-Z]+) ")


def explained(name: str, error: RedisError, *, wrote: bool, writing: bool) -> StoreError:
    """Return the error to raise. ``wrote`` says that this server has taken writes before.

    ``writing`` says that something was to be written.
    """
    code = _code(error)
    nothing = "nothing was saved" if writing else "nothing was read"
    if code == "READONLY" and wrote:
        return TransientStoreError(f"{name} has become a replica; {nothing}")
    if code in _TRANSIENT:
        return TransientStoreError(f"{name} {_TRANSIENT[code]}; {nothing}")
    if code in _PERMANENT:
        return PermanentStoreError(f"{name} {_PERMANENT[code]}; {nothing}")
    if isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return _unreachable(name, error, _UNCERTAIN if writing else f"{nothing}, try again")
    return PermanentStoreError(f"{name} answered: {error}; nothing was acknowledged")


def _unreachable(name: str, error: RedisError, follows: str) -> StoreError:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLError):
        return PermanentStoreError(
            f"{name} cannot be trusted or does not speak TLS: {cause}; nothing was exchanged"
        )
    nameless = isinstance(cause, socket.gaierror)
    check = ". Check the host's name if this goes on" if nameless else ""
    return TransientStoreError(f"{name} cannot be reached: {error}; {follows}{check}")


def _code(error: RedisError) -> str:
    """Return the word by which Redis names an error; redis-py has cut some of them off."""
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            asks = code == "WRONGPASS" and "required" in str(error).lower()
            return "NOAUTH" if asks else code
    found = str(error)
    inner = _OF_SCRIPTS.search(found) if "running script" in found else None
    word = inner[1] if inner else found.partition(" ")[0].rstrip(":").lstrip("-")
    return word if word in _PERMANENT or word in _TRANSIENT else ""
