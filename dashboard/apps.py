"""Composition roots of the Django apps."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class DashboardConfig(AppConfig):
    """The one app of this project."""

    name = "dashboard"
    verbose_name = "Holdfast"

    def ready(self) -> None:
        """Load the tasks, so that messages sent by the web process name tasks it knows."""
        import_module("dashboard.tasks")


class AdminConfig(DjangoAdminConfig):
    """Django's admin behind our login page, with its second factor and its limits."""

    default_site = "dashboard.admin_site.AdminSite"
