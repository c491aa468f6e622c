"""Django's admin, entered through the dashboard's own login."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite as DjangoAdminSite
from django.http import HttpRequest, HttpResponse


class AdminSite(DjangoAdminSite):
    """Has no login form of its own: it would know neither second factors nor limits."""

    site_header = site_title = "Holdfast"
    index_title = "People"

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send the person to the dashboard's login page."""
        response: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return response
