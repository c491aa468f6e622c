"""Projects: the list, making and changing one, and who belongs to it."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.access import recent_login
from dashboard.forms import MemberForm, NewProjectForm, ProjectForm
from dashboard.requests import PageRequest
from dashboard.selectors.projects import members_page, projects_page
from dashboard.services import members as member_service
from dashboard.services import projects as service
from dashboard.services.members import MemberRefused
from dashboard.services.projects import ProjectRefused


@require_http_methods(["GET", "HEAD", "POST"])
def projects(request: PageRequest) -> HttpResponse:
    """Show a person's projects; a POST makes one."""
    if request.method != "POST":
        return _projects(request, NewProjectForm())
    form = NewProjectForm(request.POST)
    if form.is_valid():
        try:
            made = service.create_project(
                user=request.user, now=timezone.now(), **form.cleaned_data
            )
        except ProjectRefused as error:
            form.add_error("name", str(error))
        else:
            return redirect("members", made.pk)
    return _projects(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@require_POST
def change(request: PageRequest, project_id: int) -> HttpResponse:
    """Rename a project, or say whether a second person must approve."""
    members_page(user=request.user, project_id=project_id)
    form = ProjectForm(request.POST)
    if form.is_valid():
        try:
            service.change_project(
                user=request.user, project_id=project_id, now=timezone.now(), **form.cleaned_data
            )
        except ProjectRefused as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, "The project was changed.")
            return redirect("members", project_id)
    return _members(request, project_id, form=form)


@require_http_methods(["GET", "HEAD", "POST"])
def members(request: PageRequest, project_id: int) -> HttpResponse:
    """Show who belongs to a project; a POST gives somebody a role in it."""
    if request.method != "POST":
        return _members(request, project_id)
    members_page(user=request.user, project_id=project_id)
    form = MemberForm(request.POST)
    if form.is_valid():
        try:
            member_service.set_role(
                user=request.user, project_id=project_id, now=timezone.now(), **form.cleaned_data
            )
        except MemberRefused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _now_is(form.cleaned_data))
            return redirect("members", project_id)
    return _members(request, project_id, member_form=form)


@require_POST
def remove_member(request: PageRequest, project_id: int, person_id: int) -> HttpResponse:
    """Take somebody out of a project."""
    members_page(user=request.user, project_id=project_id)
    try:
        name = member_service.remove_member(
            user=request.user, project_id=project_id, person_id=person_id, now=timezone.now()
        )
    except MemberRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{name} is no longer a member; tokens that they made end.")
    return redirect("members", project_id)


def _now_is(values: dict[str, str]) -> str:
    return f"{values['username']} is {values['role']} now."


def _projects(
    request: PageRequest, form: NewProjectForm, *, status: int = HTTPStatus.OK
) -> HttpResponse:
    context = {
        "page": projects_page(user=request.user),
        "form": form,
        "login_is_recent": recent_login(request.user, timezone.now()),
        "section": "projects",
    }
    return render(request, "projects/projects.html", context, status=status)


def _members(
    request: PageRequest,
    project_id: int,
    *,
    form: ProjectForm | None = None,
    member_form: MemberForm | None = None,
) -> HttpResponse:
    page = members_page(user=request.user, project_id=project_id)
    known = {"name": page.project.name, "requires_approval": page.project.requires_approval}
    context = {
        "page": page,
        "form": form or ProjectForm(initial=known),
        "member_form": member_form or MemberForm(),
        "login_is_recent": recent_login(request.user, timezone.now()),
        "section": "projects",
    }
    refused = form is not None or member_form is not None
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    return render(request, "projects/members.html", context, status=status)
