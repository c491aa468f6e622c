"""A person's API tokens."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms import TokenForm
from dashboard.requests import PageRequest
from dashboard.selectors.tokens import tokens_of
from dashboard.services import tokens as service
from dashboard.views.first_lines import NOT_MADE_YET, five_lines


@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: PageRequest) -> HttpResponse:
    """Show a person's tokens; a POST makes one, and shows it this once."""
    if request.method != "POST":
        return _page(request, TokenForm())
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _page(request, TokenForm(), secret=_make(request, form))


@require_POST
def revoke(request: PageRequest, token_id: int) -> HttpResponse:
    """End a token."""
    service.revoke_token(user=request.user, token_id=token_id, now=timezone.now())
    messages.success(request, "The token was revoked; it opens nothing from now on.")
    return redirect("tokens")


def _make(request: PageRequest, form: TokenForm) -> str:
    values = form.cleaned_data
    made = service.create_token(
        user=request.user,
        name=values["name"],
        scopes=values["scopes"],
        agent_id=values["agent_id"],
        lifetime=timedelta(days=values["days"]) if values["days"] else None,
        now=timezone.now(),
    )
    return made.secret


def _page(
    request: PageRequest, form: TokenForm, *, secret: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    context = {
        "tokens": tokens_of(user=request.user),
        "form": form,
        "secret": secret,
        "five_lines": five_lines(request, secret or NOT_MADE_YET),
        "section": "tokens",
    }
    return render(request, "tokens/tokens.html", context, status=status)
