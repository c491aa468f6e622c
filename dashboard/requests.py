"""A page's request, as it is behind the login: with a person and htmx's details."""

from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from dashboard.models import User


class PageRequest(HttpRequest):
    """What every view of a page is given."""

    user: User
    htmx: HtmxDetails
