"""Sources: the list, and adding, testing, reading, connecting and removing one."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard.access import projects
from dashboard.forms import CredentialsForm, SourceForm
from dashboard.requests import PageRequest
from dashboard.selectors.sources import source_row, sources_page
from dashboard.services import source_credentials
from dashboard.services import sources as service
from dashboard.services.source_tests import SourceTest, look_at
from dashboard.services.sources import SourceRefused


def sources(request: PageRequest) -> HttpResponse:
    """Show all sources."""
    return _page(request)


@require_POST
def add(request: PageRequest) -> HttpResponse:
    """Register a store and begin to read it."""
    form = _form(request, request.POST)
    if not form.is_valid():
        return _page(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        source = service.add_source(
            user=request.user,
            now=timezone.now(),
            url=form.cleaned_data["url"],
            name=form.cleaned_data["name"],
            project_id=form.cleaned_data.get("project_id"),
            credentials=form.credentials,
            choice=form.cleaned_data["choice"],
        )
    except SourceRefused as error:
        if error.test is None:
            form.add_error("url", str(error))
        return _page(request, form, test=error.test, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, f"{source.name} was added; it is being read now.")
    return redirect(f"{reverse('sources')}#source-{source.pk}")


@require_POST
def test(request: PageRequest) -> HttpResponse:
    """Say whether a store can be opened; nothing is added."""
    form = _form(request, request.POST)
    found = _test(request, form) if form.is_valid() else None
    if request.htmx:
        return render(request, "sources/_test.html", {"test": found, "errors": form.errors})
    status = HTTPStatus.OK if found is not None else HTTPStatus.UNPROCESSABLE_ENTITY
    return _page(request, form, test=found, status=status)


@require_POST
def sync(request: PageRequest, source_id: int) -> HttpResponse:
    """Read a source now rather than in a few seconds."""
    row = source_row(user=request.user, source_pk=source_id)
    try:
        service.sync_now(user=request.user, source_id=source_id)
    except SourceRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{row.source.name} is being read.")
    return redirect("sources")


@require_POST
def connect(request: PageRequest, source_id: int) -> HttpResponse:
    """Let a store that agents only report about be opened."""
    row = source_row(user=request.user, source_pk=source_id)
    form = CredentialsForm(request.POST)
    if not form.is_valid():
        return _refused(request, form)
    try:
        service.connect_source(
            user=request.user,
            source_id=source_id,
            now=timezone.now(),
            credentials=form.credentials,
        )
    except SourceRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{row.source.name} is connected and being read.")
    return redirect("sources")


@require_POST
def replace_credentials(request: PageRequest, source_id: int) -> HttpResponse:
    """Keep other credentials for a source, if they open it."""
    row = source_row(user=request.user, source_pk=source_id)
    form = CredentialsForm(request.POST)
    if not form.is_valid():
        return _refused(request, form)
    try:
        source_credentials.replace_credentials(
            user=request.user,
            source_id=source_id,
            credentials=form.credentials,
            now=timezone.now(),
        )
    except SourceRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{row.source.name} is opened with these credentials now.")
    return redirect("sources")


@require_POST
def forget_credentials(request: PageRequest, source_id: int) -> HttpResponse:
    """Delete what opens a source."""
    row = source_row(user=request.user, source_pk=source_id)
    try:
        source_credentials.forget_credentials(
            user=request.user, source_id=source_id, now=timezone.now()
        )
    except SourceRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The credentials of {row.source.name} were deleted.")
    return redirect("sources")


@require_POST
def remove(request: PageRequest, source_id: int) -> HttpResponse:
    """Forget a source; its store is not touched."""
    row = source_row(user=request.user, source_pk=source_id)
    try:
        service.remove_source(user=request.user, source_id=source_id, now=timezone.now())
    except SourceRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{row.source.name} was removed here. Its store is as it was.")
    return redirect("sources")


def _form(request: PageRequest, data: QueryDict | None = None) -> SourceForm:
    return SourceForm(data, projects=tuple(projects(request.user, "operate")))


def _refused(request: PageRequest, form: CredentialsForm) -> HttpResponse:
    said = " ".join(str(error) for errors in form.errors.values() for error in errors)
    messages.error(request, f"{said} Nothing was changed.")
    return redirect("sources")


def _test(request: PageRequest, form: SourceForm) -> SourceTest:
    return look_at(
        user=request.user,
        address=form.cleaned_data["url"],
        credentials=form.credentials,
        choice=form.cleaned_data["choice"],
    )


def _page(
    request: PageRequest,
    form: SourceForm | None = None,
    *,
    test: SourceTest | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    page = sources_page(user=request.user)
    context = {"page": page, "form": form or _form(request), "test": test, "section": "sources"}
    return render(request, "sources/sources.html", context, status=status)
