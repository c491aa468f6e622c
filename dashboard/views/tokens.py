"""A person's API tokens."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.access import recent_login
from dashboard.formats import sentence
from dashboard.forms import TokenForm
from dashboard.requests import PageRequest
from dashboard.selectors.tokens import TokensPage, tokens_page
from dashboard.services import tokens as service
from dashboard.views.first_lines import NOT_MADE_YET, five_lines


@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: PageRequest) -> HttpResponse:
    """Show a person's tokens; a POST makes one, and shows it this once."""
    if request.method != "POST":
        return _page(request)
    page = tokens_page(user=request.user)
    form = _form(page, request.POST)
    if form.is_valid():
        try:
            return _page(request, secret=_make(request, form))
        except ValueError as error:
            form.add_error(None, sentence(str(error)))
    return _page(request, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


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
        project_id=values.get("project_id"),
        now=timezone.now(),
    )
    return made.secret


def _form(page: TokensPage, data: QueryDict | None = None) -> TokenForm:
    return TokenForm(data, projects=page.projects, may_operate=page.may_operate)


def _page(
    request: PageRequest,
    *,
    form: TokenForm | None = None,
    secret: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    page = tokens_page(user=request.user)
    context = {
        "page": page,
        "form": form or _form(page),
        "login_is_recent": recent_login(request.user, timezone.now()),
        "secret": secret,
        "five_lines": five_lines(request, secret or NOT_MADE_YET),
        "section": "tokens",
    }
    return render(request, "tokens/tokens.html", context, status=status)
