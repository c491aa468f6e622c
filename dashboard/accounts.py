"""What allauth is told about accounts here."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import reverse


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Accounts are made by an administrator, never by a stranger."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say that nobody can make an account for themselves."""
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Lead the person on after they set a password."""
        return reverse("overview")
