"""API tokens: shown once, kept as a hash, found by their prefix, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery

from dashboard import access
from dashboard.access import Forbidden, Right
from dashboard.models import ApiToken, Membership, Project, User
from dashboard.models.access import Scope
from dashboard.selectors.errors import NotFound
from dashboard.services import audit

SECRET_BYTES = 32
PREFIX_BYTES = 6
USED_EVERY = timedelta(minutes=1)
LIFETIME = timedelta(days=365)
LONGEST = timedelta(days=730)
LONGEST_OPERATING = timedelta(days=90)
NEEDS: dict[str, Right] = {Scope.PUSH: "operate", Scope.READ: "read", Scope.OPERATE: "operate"}
"""The right that whoever makes a token needs for a scope, and that they must still have later."""
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
    project_id: int | None = None,
) -> NewToken:
    """Make a token for ``user``, for a year unless told otherwise.

    ``project_id`` may be left out by who belongs to one project only. Raises ValueError for a scope
    that does not exist, for none, for a lifetime that is too long and for a project that is not
    named; Hidden and Forbidden where a scope needs a greater role; LoginTooOld for scope operate.
    """
    kept = [Scope(scope).value for scope in scopes]
    if not kept:
        raise ValueError("a token needs at least one scope")
    project = _project(user, kept, project_id)
    if Scope.OPERATE in kept:
        access.require_recent_login(user, now)
    prefix = secrets.token_hex(PREFIX_BYTES)
    secret = f"hf_{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    with transaction.atomic():
        token = ApiToken.objects.create(
            name=name,
            prefix=prefix,
            digest=_digest(secret),
            scopes=kept,
            project=project,
            agent_id=agent_id,
            created_by=user,
            created_at=now,
            expires_at=now + _lifetime(kept, lifetime),
        )
        _record(user, "token.created", token, now)
    return NewToken(token, secret)


def _project(user: User, scopes: Sequence[str], project_id: int | None) -> Project:
    """Return the project that a token is made for; its maker must have the right to each scope."""
    _require_a_person(user)
    rights = [NEEDS[scope] for scope in scopes]
    for right in rights:
        access.require(user, right, project_id)
    usable = access.projects(user, "operate" if "operate" in rights else "read")
    found = usable.filter(pk=project_id) if project_id else usable[:2]
    if len(found) != 1:
        raise ValueError("say for which project the token is")
    return found[0]


def _require_a_person(user: User) -> None:
    if user.through is not None:
        raise access.Forbidden("Tokens are made and ended by people; nothing was changed.")


def _lifetime(scopes: Sequence[str], wanted: timedelta | None) -> timedelta:
    """Return how long a token lasts. Raises ValueError for longer than it may."""
    longest = LONGEST_OPERATING if Scope.OPERATE in scopes else LONGEST
    if wanted is not None and wanted > longest:
        raise ValueError(f"a token with these scopes lasts at most {longest.days} days")
    return wanted or min(LIFETIME, longest)


def revoke_token(*, user: User, token_id: int, now: datetime) -> None:
    """End one's own token, or as an administrator one of the project's. Raises NotFound."""
    _require_a_person(user)
    administered = access.visible(user, ApiToken.objects.filter(pk=token_id), right="admin")
    token = administered.first() or ApiToken.objects.filter(pk=token_id, created_by=user).first()
    if token is None:
        raise NotFound("There is no such token of yours; nothing was changed. See the list.")
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
            _record(user, "token.revoked", token, now)


def authenticate(*, secret: str, scope: str, now: datetime) -> ApiToken:
    """Return the token that ``secret`` is. Raises TokenRefused, ScopeMissing.

    Its maker acts through it from then on, with no more than the role that they have now.
    """
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
    _require_the_role(token, scope)
    _note_use(token, now)
    token.created_by.through = token
    return token


def _find(prefix: str) -> ApiToken | None:
    mine = Membership.objects.filter(project=OuterRef("project"), user=OuterRef("created_by"))
    rows = ApiToken.objects.select_related("created_by", "project")
    found = rows.annotate(maker_role=Subquery(mine.values("role")[:1])).filter(prefix=prefix)
    return found.first()


def _is_valid(token: ApiToken, now: datetime) -> bool:
    """Say whether a token opens anything: its maker must still belong to its project."""
    expired = token.expires_at is not None and token.expires_at <= now
    maker = token.created_by
    ended = expired or token.revoked_at is not None
    return not ended and maker.is_active and (maker.is_superuser or bool(_maker_role(token)))


def _maker_role(token: ApiToken) -> str | None:
    """Return the role that the maker of a token that was found has in its project now."""
    role: str | None = vars(token)["maker_role"]
    return role


def _require_the_role(token: ApiToken, scope: str) -> None:
    role = _maker_role(token)
    if not token.created_by.is_superuser and role not in access.ROLES[NEEDS[scope]]:
        raise ScopeMissing(
            f"Who made this token is only a {role} of its project now, so it may not "
            f"{scope}; nothing was done. Ask an administrator of the project."
        )


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
    audit.record(
        user=user,
        action=action,
        target=token.name,
        details=details,
        now=now,
        project=token.project_id,
    )
