"""Settings of notifications: channels, their rules, and what was delivered."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.access import recent_login
from dashboard.notification_forms import (
    ChangeChannelForm,
    NewChannelForm,
    RuleForm,
    rule_values,
)
from dashboard.requests import PageRequest
from dashboard.selectors.notifications import (
    channel_page,
    channels_page,
    find_rule,
    require_administered,
)
from dashboard.services import notifications as service
from dashboard.services.notifications import KINDS, NotificationRefused, Wanted, WantedRule

SECTION = "notifications"
COMMAND = "holdfast notifications"


def channels(request: PageRequest) -> HttpResponse:
    """Show all channels with their rules and how they fare."""
    page = channels_page(user=request.user)
    context = {"page": page, "cli": f"{COMMAND} list", "section": SECTION}
    return render(request, "notifications/channels.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PageRequest) -> HttpResponse:
    """Ask where messages are to go and what is told; a POST adds the channel."""
    require_administered(user=request.user)
    projects = channels_page(user=request.user).projects
    data = request.POST if request.method == "POST" else None
    form = NewChannelForm(data, projects=projects)
    rule = RuleForm(data, kinds=tuple(KINDS.items()))
    status = HTTPStatus.OK
    if data is not None:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if form.is_valid() and rule.is_valid():
            try:
                return _added(request, form, rule)
            except NotificationRefused as error:
                form.add_error(None, str(error))
    context = {"form": form, "rule": rule, **_about(request)}
    return render(request, "notifications/add.html", context, status=status)


def _added(request: PageRequest, form: NewChannelForm, rule: RuleForm) -> HttpResponse:
    projects = channels_page(user=request.user).projects
    first = projects[0].pk if projects else 0
    kept = service.add_channel(
        user=request.user,
        project_pk=form.cleaned_data.get("project_id") or first,
        wanted=Wanted(**form.wanted),
        rule=WantedRule(**rule.wanted),
        now=timezone.now(),
    )
    if kept.secret:
        return _page(request, kept.channel.pk, secret=kept.secret)
    messages.success(request, f"{kept.channel.name} was added. Send a test to see that it works.")
    return redirect("channel", kept.channel.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def channel(request: PageRequest, channel_id: int) -> HttpResponse:
    """Show a channel and what was sent by it; a POST changes it."""
    if request.method != "POST":
        return _page(request, channel_id)
    page = channel_page(user=request.user, channel_pk=channel_id)
    form = ChangeChannelForm(request.POST)
    if form.is_valid():
        wanted = Wanted(kind=page.row.channel.kind, **form.wanted)
        try:
            kept = service.change_channel(
                user=request.user, channel_pk=channel_id, wanted=wanted, now=timezone.now()
            )
        except NotificationRefused as error:
            form.add_error(None, str(error))
        else:
            if kept.secret:
                return _page(request, channel_id, secret=kept.secret)
            messages.success(request, "The channel was changed.")
            return redirect("channel", channel_id)
    return _page(request, channel_id, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@require_POST
def test(request: PageRequest, channel_id: int) -> HttpResponse:
    """Send a test."""
    done = "A test is being sent; the log below says what comes of it."
    return _do(request, channel_id, service.test_channel, done)


@require_POST
def pause(request: PageRequest, channel_id: int) -> HttpResponse:
    """Send nothing by a channel."""
    return _do(request, channel_id, service.pause_channel, "Nothing is sent until it is resumed.")


@require_POST
def resume(request: PageRequest, channel_id: int) -> HttpResponse:
    """Send by a channel again."""
    return _do(request, channel_id, service.resume_channel, "It is told again from now on.")


@require_POST
def remove(request: PageRequest, channel_id: int) -> HttpResponse:
    """Take a channel away."""
    name = service.remove_channel(user=request.user, channel_pk=channel_id, now=timezone.now())
    messages.success(request, f"{name} was removed with its rules and its log.")
    return redirect("notifications")


@require_http_methods(["GET", "HEAD", "POST"])
def add_rule(request: PageRequest, channel_id: int) -> HttpResponse:
    """Ask what else a channel is told of; a POST adds the rule."""
    page = channel_page(user=request.user, channel_pk=channel_id)

    def save(wanted: WantedRule) -> Any:
        return service.add_rule(
            user=request.user, channel_pk=channel_id, wanted=wanted, now=timezone.now()
        )

    return _rule(request, page.row, save, initial={"severity": "medium"}, title="Add a rule")


@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: PageRequest, rule_id: int) -> HttpResponse:
    """Show a rule to change; a POST changes it."""
    known = find_rule(user=request.user, rule_pk=rule_id)
    page = channel_page(user=request.user, channel_pk=known.channel_id)

    def save(wanted: WantedRule) -> Any:
        return service.change_rule(
            user=request.user, rule_pk=rule_id, wanted=wanted, now=timezone.now()
        )

    return _rule(request, page.row, save, initial=rule_values(known), title="Change a rule")


@require_POST
def remove_rule(request: PageRequest, rule_id: int) -> HttpResponse:
    """Take a rule away."""
    found = service.remove_rule(user=request.user, rule_pk=rule_id, now=timezone.now())
    messages.success(request, "The rule was removed.")
    return redirect("channel", found.pk)


def _rule(
    request: PageRequest,
    row: Any,
    save: Callable[[WantedRule], Any],
    *,
    initial: dict[str, Any],
    title: str,
) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = RuleForm(data, kinds=tuple(KINDS.items()), initial=initial)
    status = HTTPStatus.OK
    if data is not None:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if form.is_valid():
            try:
                save(WantedRule(**form.wanted))
            except NotificationRefused as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, "The rule holds from now on.")
                return redirect("channel", row.channel.pk)
    context = {"row": row, "rule": form, "title": title, **_about(request)}
    return render(request, "notifications/rule.html", context, status=status)


def _do(
    request: PageRequest, channel_id: int, act: Callable[..., object], done: str
) -> HttpResponse:
    """Act, say what came of it, and show the channel."""
    try:
        act(user=request.user, channel_pk=channel_id, now=timezone.now())
    except NotificationRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect("channel", channel_id)


def _page(
    request: PageRequest,
    channel_id: int,
    *,
    form: ChangeChannelForm | None = None,
    secret: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    page = channel_page(
        user=request.user, channel_pk=channel_id, after=request.GET.get("after", "")
    )
    known = page.row.channel
    initial = {"name": known.name, "per_hour": known.per_hour}
    context = {
        "page": page,
        "form": form or ChangeChannelForm(initial=initial),
        "secret": secret,
        "cli": f"{COMMAND} test {channel_id}\n{COMMAND} log --channel {channel_id}",
        **_about(request),
    }
    return render(request, "notifications/channel.html", context, status=status)


def _about(request: PageRequest) -> dict[str, Any]:
    return {
        "login_is_recent": recent_login(request.user, timezone.now()),
        "section": SECTION,
    }
