"""What PostgreSQL's errors mean for somebody who saves."""

from __future__ import annotations

import psycopg

from checkpoints.errors import PermanentStoreError, StoreError, TransientStoreError


class Conflicted(TransientStoreError):
    """Another transaction was in the way; the whole of this one can be done again."""


_CONFLICTS = {"40001", "40P01", "23505", "23P01"}
_TRANSIENT = {
    "25P03": "ended the connection, which was idle for too long",
    "25P04": "gave up: the transaction took too long",
    "53200": "has no memory left",
    "53300": "takes no more connections",
    "55P03": "gave up waiting for a lock",
    "57014": "gave up: the statement took too long or was cancelled",
}
_PERMANENT = {
    "25006": "is read-only: it is a replica or was made so; name the primary to write",
    "42501": "forbids this role what was asked of it",
    "53100": "could not grow: its disk is full; what was saved before is safe",
    "54000": "cannot keep anything this large",
    "58030": "cannot read or write its disk; see its log",
}
_PERMANENT_CLASSES = {
    "22": "cannot keep a value",
    "28": "refuses this user and password",
    "3D": "has no such database",
    "3F": "has lost the store's schema; another program removed it",
    "42": "does not hold the tables as this version of Holdfast laid them",
    "54": "cannot keep anything this large",
    "XX": "reports damage in its own files; see its log",
}
_LOST = "could not be reached, or the connection was lost"
_REFUSALS = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "no password supplied",
    "not permitted to log in",
    "permission denied",
    "certificate",
    "server does not support SSL",
)
"""What a server says, without a code, when it will go on refusing the connection."""
_NAMELESS = ("failed to resolve host", "could not translate host name")
_AFTER = "nothing was acknowledged; trying again is safe, a save with the same id"


def explained(error: psycopg.Error, where: str) -> StoreError:
    """Return the error that leaves the SDK: transient or permanent, and what it means."""
    state = error.sqlstate
    said = _said(error)
    if state is None and isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        kind = PermanentStoreError if any(r in said for r in _REFUSALS) else TransientStoreError
        what = "refuses the connection" if kind is PermanentStoreError else _LOST
        check = (
            ". Check the host's name if this goes on" if any(n in said for n in _NAMELESS) else ""
        )
        return kind(f"{where} {what} ({said}); {_AFTER}{check}")
    if state in _CONFLICTS:
        return Conflicted(f"{where}: other writers were in the way ({said}); {_AFTER}")
    if state in _TRANSIENT or (state or "")[:2] in {"08", "57"}:
        return TransientStoreError(
            f"{where} {_TRANSIENT.get(str(state), _LOST)} ({said}); {_AFTER}"
        )
    what = _PERMANENT.get(str(state)) or _PERMANENT_CLASSES.get(str(state)[:2], "failed")
    return PermanentStoreError(f"{where} {what} ({said}); {_AFTER}")


def _said(error: psycopg.Error) -> str:
    """Return the first line of what the server or the library said."""
    text = error.diag.message_primary or str(error)
    return " ".join(text.split())[:300]
