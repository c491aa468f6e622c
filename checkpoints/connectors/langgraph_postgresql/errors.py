"""What PostgreSQL's errors mean for somebody who reads LangGraph's tables or acts on them."""

from __future__ import annotations

import psycopg

from checkpoints.errors import PermanentStoreError, StoreError, TransientStoreError

_TRANSIENT = {
    "25P03": "ended the connection, which was idle for too long",
    "25P04": "gave up: the transaction took too long",
    "40001": "had other writers in the way",
    "40P01": "had other writers in the way",
    "53200": "has no memory left",
    "53300": "takes no more connections",
    "55P03": "gave up waiting for a lock that another program holds",
    "57014": "gave up: the statement took too long or was cancelled",
}
_PERMANENT = {
    "25006": "is read-only: it is a replica or was made so; name the primary to write",
    "42501": "forbids this role what was asked of it",
    "53100": "could not grow: its disk is full",
}
_PERMANENT_CLASSES = {
    "22": "cannot take a value",
    "23": "does not take these rows: something is there already, or a rule forbids them",
    "28": "refuses this user and password",
    "3D": "has no such database",
    "3F": "has no such schema",
    "42": "does not hold LangGraph's tables as they are known",
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
_AFTER = "nothing was acknowledged, and the same again is safe"


def explained(error: psycopg.Error, where: str) -> StoreError:
    """Return the error that leaves the SDK: transient or permanent, and what it means."""
    state, said = error.sqlstate, _said(error)
    if state is None and isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        if any(refusal in said for refusal in _REFUSALS):
            return PermanentStoreError(f"{where} refuses the connection ({said}); {_AFTER}")
        return TransientStoreError(f"{where} {_LOST} ({said}); {_AFTER}")
    if state in _TRANSIENT or (state or "")[:2] in {"08", "57"}:
        what = _TRANSIENT.get(str(state), _LOST)
        return TransientStoreError(f"{where} {what} ({said}); {_AFTER}")
    what = _PERMANENT.get(str(state)) or _PERMANENT_CLASSES.get(str(state)[:2], "failed")
    return PermanentStoreError(f"{where} {what} ({said}); {_AFTER}")


def _said(error: psycopg.Error) -> str:
    """Return the first line of what the server or the library said."""
    text = error.diag.message_primary or str(error)
    return " ".join(text.split())[:300]
