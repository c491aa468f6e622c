"""Retention policies: the list, one of them, what it would do, and the prune that follows it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms import new_key
from dashboard.requests import PageRequest
from dashboard.retention_forms import PolicyForm, policy_values
from dashboard.selectors.policies import agent_policies_page, policies_page, policy_page
from dashboard.selectors.retention import Target, find_target
from dashboard.services import retention
from dashboard.services.operations import OperationRefused
from dashboard.services.retention import RetentionRefused, Simulation
from dashboard.views.policy_lines import prune_command, sdk_lines, set_request
from dashboard.views.queries import number

SECTION = "storage"


def policies(request: PageRequest) -> HttpResponse:
    """Show the policies and what applies to each agent; for htmx the next agents alone."""
    query = request.GET
    page = policies_page(
        user=request.user,
        source_id=number(query, "source"),
        text=query.get("q", "").strip()[:200],
        after=query.get("after", ""),
    )
    template = "policies/_agents.html" if request.htmx else "policies/policies.html"
    return render(request, template, {"page": page, "section": SECTION})


def agent(request: PageRequest, agent_id: int) -> HttpResponse:
    """Show what applies to each thread of an agent; for htmx the next threads alone."""
    page = agent_policies_page(
        user=request.user, agent_pk=agent_id, after=request.GET.get("after", "")
    )
    template = "policies/_threads.html" if request.htmx else "policies/agent.html"
    return render(request, template, {"page": page, "section": SECTION})


@require_http_methods(["GET", "HEAD", "POST"])
def policy(request: PageRequest, level: str, target_id: int) -> HttpResponse:
    """Show the policy of one target; a POST sets it."""
    target = find_target(user=request.user, level=level, pk=target_id)
    if request.method != "POST":
        return _page(request, target, None)
    form = PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, target, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        row = retention.set_policy(
            user=request.user,
            target=target,
            name=form.cleaned_data["name"],
            policy=form.policy,
            now=timezone.now(),
        )
    except RetentionRefused as error:
        form.add_error(None, str(error))
        return _page(request, target, form, status=HTTPStatus.CONFLICT)
    messages.success(
        request, f"{row.name} applies to the {target.words} from now on. Nothing was removed yet."
    )
    return redirect("policy", level, target_id)


@require_POST
def simulate(request: PageRequest, level: str, target_id: int) -> HttpResponse:
    """Say what would go now by the rules in the form; nothing is set and nothing goes."""
    target = find_target(user=request.user, level=level, pk=target_id)
    form = PolicyForm(request.POST)
    found = _simulate(request, target, form) if form.is_valid() else None
    if request.htmx:
        context = {"simulation": found, "form": form, "asked": True}
        return render(request, "policies/_simulation.html", context)
    status = HTTPStatus.OK if found is not None else HTTPStatus.UNPROCESSABLE_ENTITY
    return _page(request, target, form, simulation=found, status=status)


@require_POST
def remove(request: PageRequest, level: str, target_id: int) -> HttpResponse:
    """Take a target's own policy away."""
    target = find_target(user=request.user, level=level, pk=target_id)
    try:
        retention.remove_policy(user=request.user, target=target, now=timezone.now())
    except RetentionRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, f"The {target.words} has no policy of its own any more. Nothing was removed."
        )
    return redirect("policy", level, target_id)


@require_POST
def prune(request: PageRequest, level: str, target_id: int) -> HttpResponse:
    """Make a draft of what the policies that apply let go, and lead to it."""
    target = find_target(user=request.user, level=level, pk=target_id)
    try:
        draft = retention.draft_by_policies(
            user=request.user,
            target=target,
            idempotency_key=request.POST.get("idempotency_key", "")[:64] or new_key(),
            now=timezone.now(),
        )
    except (RetentionRefused, OperationRefused) as error:
        messages.error(request, str(error))
        return redirect("policy", level, target_id)
    return redirect("operation", draft.pk)


def _simulate(request: PageRequest, target: Target, form: PolicyForm) -> Simulation:
    return retention.simulate(
        user=request.user, target=target, policy=form.policy, now=timezone.now()
    )


def _page(
    request: PageRequest,
    target: Target,
    form: PolicyForm | None,
    *,
    simulation: Simulation | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    page = policy_page(user=request.user, target=target)
    shown = form or PolicyForm(initial=_initial(page.own or page.effective.policy, target))
    context = {
        "page": page,
        "form": shown,
        "simulation": simulation,
        "asked": simulation is not None,
        "schedules": retention.carried_out_by(target),
        "idempotency_key": new_key(),
        "cli": prune_command(target, page.effective.rules),
        "api": set_request(target, page.own.name if page.own else "NAME", page.effective.rules),
        "sdk": sdk_lines(page.effective.rules),
        "section": SECTION,
    }
    return render(request, "policies/policy.html", context, status=status)


def _initial(row: Any, target: Target) -> dict[str, Any]:
    """Return what the form begins with: the target's own policy, or that which it inherits."""
    if row is None:
        return {"name": f"Policy of {target.name}"[:100]}
    return policy_values(row.policy, row.name)
