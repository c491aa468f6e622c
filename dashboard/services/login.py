"""The link by which the first person comes in, before there is any password."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.db import transaction

from dashboard.models import LoginLink, User
from dashboard.services import audit

LIFETIME = timedelta(minutes=15)
FIRST_USER = "admin"
TOKEN_BYTES = 32


class LinkRefused(PermissionDenied):
    """The link cannot be made or used; nobody was logged in."""


def make_link(*, now: datetime) -> str:
    """Return the path of a link that logs the first administrator in once, for 15 minutes.

    Makes that administrator when nobody is there. Raises LinkRefused once there is a usable
    password or passkey.
    """
    user = first_administrator()
    if _has_credentials(user):
        raise LinkRefused(
            f"{user.get_username()} has a password or a passkey, so no link was made. Log in with "
            "it, or set a new password with `manage.py changepassword`."
        )
    token = secrets.token_urlsafe(TOKEN_BYTES)
    LoginLink.objects.filter(expires_at__lte=now).delete()
    LoginLink.objects.create(
        user=user, digest=_digest(token), created_at=now, expires_at=now + LIFETIME
    )
    return f"/login/{token}/"


def use_link(*, token: str, now: datetime) -> User:
    """Return the person whose link this is, and use it up. Raises LinkRefused."""
    with transaction.atomic():
        link = _claim(token, now)
        if link is None or not link.user.is_active or _has_credentials(link.user):
            raise LinkRefused(
                "This link was used already, is older than 15 minutes, or is no longer needed; "
                "nobody was logged in. Run `holdfast login-link` on the machine of this dashboard "
                "for a new one, or log in with your password or passkey."
            )
        audit.record(user=link.user, action="login.link_used", target="", details={}, now=now)
    return link.user


def _claim(token: str, now: datetime) -> LoginLink | None:
    """Use a link up by one conditional update, so that of two requests one gets in."""
    unused = LoginLink.objects.filter(
        digest=_digest(token), used_at=None, expires_at__gt=now, user__is_active=True
    )
    if not unused.update(used_at=now):
        return None
    return LoginLink.objects.select_related("user").get(digest=_digest(token))


def first_administrator() -> User:
    """Return who acts for the machine's owner; made when nobody is there. Raises LinkRefused."""
    known = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    return known or _make_administrator()


def _make_administrator() -> User:
    made = {"is_staff": True, "is_superuser": True, "password": make_password(None)}
    user, _ = User.objects.get_or_create(username=FIRST_USER, defaults=made)
    if not user.is_active or not user.is_superuser:
        raise LinkRefused(
            f"The account {FIRST_USER!r} is no active administrator, so no link was made. Make one "
            "with `manage.py createsuperuser`."
        )
    return user


def _has_credentials(user: User) -> bool:
    passkeys = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    return user.has_usable_password() or passkeys.exists()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
