"""API tokens: shown once, kept as a hash, found by their prefix, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from dashboard.access import Forbidden, require
from dashboard.models import ApiToken, User
from dashboard.models.access import Scope
from dashboard.services import audit

SECRET_BYTES = 32
PREFIX_BYTES = 6
USED_EVERY = timedelta(minutes=1)
_FORM = re.compile(r"hf_([0-9a-f]{12})_[A-Za-z0-9_-]{43}", re.ASCII)
_NOBODY = "0" * 64


class TokenRefused(Exception):
    """No token, or not one that is valid now. Says nothing about which."""


class ScopeMissing(Forbidden):
    """The token is valid but may not do this."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token's row and its secret, which nobody can show again."""

    token: ApiToken
    secret: str


def create_token(
    *,
    user: User,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    agent_id: str = "",
    lifetime: timedelta | None = None,
) -> NewToken:
    """Make a token for ``user``. Raises ValueError for a scope that does not exist or for none."""
    require(user, "operate")
    kept = [Scope(scope).value for scope in scopes]
    if not kept:
        raise ValueError("a token needs at least one scope")
    prefix = secrets.token_hex(PREFIX_BYTES)
    secret = f"hf_{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    token = ApiToken.objects.create(
        name=name,
        prefix=prefix,
        digest=_digest(secret),
        scopes=kept,
        agent_id=agent_id,
        created_by=user,
        created_at=now,
        expires_at=now + lifetime if lifetime else None,
    )
    _record(user, "token.created", token, now)
    return NewToken(token, secret)


def revoke_token(*, user: User, token_id: int, now: datetime) -> None:
    """End one's own token, or as an administrator anybody's. Raises Forbidden for all others."""
    require(user, "read")
    mine = Q() if user.is_staff else Q(created_by=user)
    token = ApiToken.objects.filter(mine, pk=token_id).first()
    if token is None:
        raise Forbidden("This is not one of your tokens; nothing was changed.")
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
        _record(user, "token.revoked", token, now)


def authenticate(*, secret: str, scope: str, now: datetime) -> ApiToken:
    """Return the token that ``secret`` is. Raises TokenRefused, ScopeMissing."""
    match = _FORM.fullmatch(secret)
    token = _find(match[1]) if match else None
    known = token.digest if token else _NOBODY
    same = hmac.compare_digest(known, _digest(secret))
    if token is None or not same or not _is_valid(token, now):
        raise TokenRefused(
            "The API token is missing, wrong, expired or revoked; nothing was done. Make one on "
            "the page Settings, API tokens, and send it as 'Authorization: Bearer hf_…'."
        )
    if scope not in token.scopes:
        raise ScopeMissing(
            f"This token may {', '.join(token.scopes)}, but this needs {scope!r}; nothing "
            "was done. Make a token with that scope."
        )
    _note_use(token, now)
    return token


def _find(prefix: str) -> ApiToken | None:
    return ApiToken.objects.select_related("created_by").filter(prefix=prefix).first()


def _is_valid(token: ApiToken, now: datetime) -> bool:
    expired = token.expires_at is not None and token.expires_at <= now
    return not expired and token.revoked_at is None and token.created_by.is_active


def _note_use(token: ApiToken, now: datetime) -> None:
    """Keep the time of the last use to the minute: not one more write per request."""
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
    if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def _digest(secret: str) -> str:
    """Return the hash to keep: 256 random bits need no slow one."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _record(user: User, action: str, token: ApiToken, now: datetime) -> None:
    details = {"prefix": token.prefix, "scopes": token.scopes}
    audit.record(user=user, action=action, target=token.name, details=details, now=now)
