"""Where everything is."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path

from dashboard.api.app import api
from dashboard.api.docs import docs
from dashboard.views.errors import not_offered
from dashboard.views.logins import confirm, login_link

urlpatterns = [
    path("", include("dashboard.pages")),
    re_path(r"^accounts/(signup|email|confirm-email|password/reset)\b", not_offered),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/docs", docs, name="api-docs"),
    path("api/v1/", api.urls),
    path("confirm/", confirm, name="confirm-login"),
    path("login/<str:token>/", login_link, name="login-link"),
]

handler400 = "dashboard.views.errors.bad_request"
handler403 = "dashboard.views.errors.forbidden"
handler404 = "dashboard.views.errors.not_found"
handler500 = "dashboard.views.errors.server_error"
