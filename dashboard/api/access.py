"""Who asks: a program with a token, or a person who is logged in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer, SessionAuth

from dashboard.services import tokens


@dataclass(frozen=True, slots=True)
class Caller:
    """The person in whose name the request acts, and the token when a program makes it.

    The token is the person's ``through`` too, so that services know how far it reaches.
    """

    user: Any
    token: Any = None


class ApiRequest(HttpRequest):
    """What every endpoint is given."""

    auth: Caller


class Token(HttpBearer):
    """``Authorization: Bearer hf_…`` with one scope. Raises TokenRefused, ScopeMissing."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """Return who the token acts for."""
        found = tokens.authenticate(secret=token, scope=self.scope, now=timezone.now())
        return Caller(user=found.created_by, token=found)


class Person(SessionAuth):
    """The session's cookie; what changes anything needs the CSRF token too."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        """Return the person who is logged in."""
        return Caller(user=request.user) if request.user.is_authenticated else None


PUSH = (Token("push"),)
READ = (Token("read"), Person())
OPERATE = (Token("operate"), Person())
