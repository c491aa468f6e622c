"""Where an administrator makes accounts for people and closes them."""

from __future__ import annotations

from typing import Any

from allauth.account.admin import EmailAddress
from allauth.mfa.admin import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest
from django.utils import timezone

from dashboard.models import User
from dashboard.services import audit

GIVES_RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class AccountAdmin(UserAdmin):  # type: ignore[type-arg]  # not generic when it runs
    """Tells the audit log of every change; only superusers make or touch superusers."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Let nobody give rights that they do not have."""
        return () if request.user.is_superuser else GIVES_RIGHTS

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_delete_permission(request, obj)
        return allowed and _may_touch(request, obj)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Note a new account."""
        _record(request, "account.created", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Note which fields of an account were changed."""
        _record(request, "account.changed", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Note accounts that are about to go."""
        for user in queryset:
            _record(request, "account.deleted", user, [])
        return super().log_deletions(request, queryset)


def _may_touch(request: HttpRequest, obj: Any) -> bool:
    return request.user.is_superuser or obj is None or not obj.is_superuser


def _record(request: HttpRequest, action: str, person: User, message: Any) -> None:
    rights = {"active": person.is_active, "superuser": person.is_superuser}
    audit.record(
        user=request.user if isinstance(request.user, User) else None,
        action=action,
        target=person.get_username(),
        details={"changes": message, **rights},
        now=timezone.now(),  # noqa: TID251 - an interface reads the clock
    )


admin.site.register(User, AccountAdmin)
admin.site.unregister([Authenticator, EmailAddress])
"""Second factors are nobody else's to read; accounts here have no mail."""
