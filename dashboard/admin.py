"""Where an administrator makes accounts for people and closes them."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from dashboard.models import User

admin.site.register(User, UserAdmin)
