"""Who may do what.

In this step every active person may read and operate; administrators are staff. The check is
already where it will stay: in services and selectors, before anything is read or changed.
"""

from __future__ import annotations

from typing import Literal

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from dashboard.models import User

Right = Literal["read", "operate", "admin"]


class Forbidden(PermissionDenied):
    """This person may not do this. Nothing was read or changed."""


def require(user: User | AnonymousUser, right: Right) -> None:
    """Return when ``user`` has ``right``; raise Forbidden when not."""
    if not user.is_authenticated or not user.is_active:
        raise Forbidden("Log in first; nothing was read or changed.")
    if right == "admin" and not user.is_staff:
        raise Forbidden(
            "Only an administrator may do this; nothing was changed. Ask one to do it or to make "
            "you one."
        )
