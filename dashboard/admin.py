"""Where an administrator makes accounts for people and closes them."""

from __future__ import annotations

from allauth.account.admin import EmailAddress
from allauth.mfa.admin import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from dashboard.models import User

admin.site.register(User, UserAdmin)
admin.site.unregister([Authenticator, EmailAddress])
"""Second factors are nobody else's to read; accounts here have no mail."""
