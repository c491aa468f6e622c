"""Notifications: channels, their rules, and what was delivered."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from django.utils import timezone
from ninja import Path, Router, Status

from dashboard.api.access import OPERATE, ApiRequest
from dashboard.api.notification_schemas import (
    ChannelChange,
    ChannelIn,
    ChannelOut,
    ChannelsOut,
    MessageOut,
    MessagesOut,
    NewChannelOut,
    RuleIn,
    RuleOut,
)
from dashboard.api.operation_schemas import MAX_INTEGER
from dashboard.rule_words import kinds_words
from dashboard.selectors.notifications import (
    channel_page,
    find_message,
    list_channels,
    list_messages,
)
from dashboard.services import notifications
from dashboard.services.notifications import Wanted, WantedRule

router = Router(tags=["notifications"])
Row = Annotated[int, Path(ge=1, le=MAX_INTEGER)]
CHANNELS = "/notifications/channels"
RULES = "/notifications/rules"


@router.get(CHANNELS, auth=OPERATE, response={200: ChannelsOut}, summary="List channels")
def list_all_channels(request: ApiRequest) -> dict[str, Any]:
    """List channels of the projects in which one is an operator, with their rules."""
    return {"items": [channel_answer(row) for row in list_channels(user=request.auth.user)]}


@router.post(CHANNELS, auth=OPERATE, response={201: NewChannelOut}, summary="Add a channel")
def add_channel(request: ApiRequest, wanted: ChannelIn) -> Status[dict[str, Any]]:
    """Let messages about a project go somewhere. It takes an administrator who is logged in.

    A webhook's secret is in this answer and in no other.
    """
    kept = notifications.add_channel(
        user=request.auth.user,
        project_pk=wanted.project,
        wanted=Wanted(**wanted.dict(exclude={"project", "rule"})),
        rule=_wanted(wanted.rule),
        now=timezone.now(),
    )
    return Status(HTTPStatus.CREATED, _with_secret(request, kept.channel.pk, kept.secret))


@router.get(
    f"{CHANNELS}/{{channel}}", auth=OPERATE, response={200: ChannelOut}, summary="Look at a channel"
)
def get_channel(request: ApiRequest, channel: Row) -> dict[str, Any]:
    """Return a channel with its rules and how it fares."""
    return channel_answer(channel_page(user=request.auth.user, channel_pk=channel).row)


@router.put(
    f"{CHANNELS}/{{channel}}",
    auth=OPERATE,
    response={200: NewChannelOut},
    summary="Change a channel",
)
def put_channel(request: ApiRequest, channel: Row, wanted: ChannelChange) -> dict[str, Any]:
    """Give a channel another name, limit or address; pause or resume it."""
    user, now = request.auth.user, timezone.now()
    row = channel_page(user=user, channel_pk=channel).row
    kept = notifications.change_channel(
        user=user,
        channel_pk=channel,
        wanted=Wanted(kind=row.channel.kind, **wanted.dict(exclude={"paused"})),
        now=now,
    )
    if wanted.paused is not None:
        act = notifications.pause_channel if wanted.paused else notifications.resume_channel
        act(user=user, channel_pk=channel, now=now)
    return _with_secret(request, channel, kept.secret)


@router.delete(
    f"{CHANNELS}/{{channel}}", auth=OPERATE, response={204: None}, summary="Remove a channel"
)
def delete_channel(request: ApiRequest, channel: Row) -> Status[None]:
    """Take a channel away with its rules and its log."""
    notifications.remove_channel(user=request.auth.user, channel_pk=channel, now=timezone.now())
    return Status(HTTPStatus.NO_CONTENT, None)


@router.post(
    f"{CHANNELS}/{{channel}}/test",
    auth=OPERATE,
    response={202: MessageOut},
    summary="Send a test",
)
def test_channel(request: ApiRequest, channel: Row) -> Status[dict[str, Any]]:
    """Send a message that says that it is a test; look at it to see what came of it."""
    user = request.auth.user
    made = notifications.test_channel(user=user, channel_pk=channel, now=timezone.now())
    message = find_message(user=user, message_id=made.pk)
    return Status(HTTPStatus.ACCEPTED, message_answer(message))


@router.post(
    f"{CHANNELS}/{{channel}}/rules", auth=OPERATE, response={201: RuleOut}, summary="Add a rule"
)
def add_rule(request: ApiRequest, channel: Row, wanted: RuleIn) -> Status[dict[str, Any]]:
    """Tell a channel of more."""
    rule = notifications.add_rule(
        user=request.auth.user, channel_pk=channel, wanted=_wanted(wanted), now=timezone.now()
    )
    return Status(HTTPStatus.CREATED, rule_answer(rule))


@router.put(f"{RULES}/{{rule}}", auth=OPERATE, response={200: RuleOut}, summary="Change a rule")
def put_rule(request: ApiRequest, rule: Row, wanted: RuleIn) -> dict[str, Any]:
    """Let a rule be another."""
    return rule_answer(
        notifications.change_rule(
            user=request.auth.user, rule_pk=rule, wanted=_wanted(wanted), now=timezone.now()
        )
    )


@router.delete(f"{RULES}/{{rule}}", auth=OPERATE, response={204: None}, summary="Remove a rule")
def delete_rule(request: ApiRequest, rule: Row) -> Status[None]:
    """Take a rule away."""
    notifications.remove_rule(user=request.auth.user, rule_pk=rule, now=timezone.now())
    return Status(HTTPStatus.NO_CONTENT, None)


@router.get(
    "/notifications/messages", auth=OPERATE, response={200: MessagesOut}, summary="List messages"
)
def list_all_messages(
    request: ApiRequest, channel: int | None = None, after: str = ""
) -> dict[str, Any]:
    """List what was sent in the last 30 days with its attempts, the newest first, 50 at a time."""
    page = list_messages(user=request.auth.user, channel_pk=channel, after=after)
    return {"items": [message_answer(row) for row in page.rows], "next": page.next_key or None}


@router.get(
    "/notifications/messages/{message}",
    auth=OPERATE,
    response={200: MessageOut},
    summary="Look at a message",
)
def get_message(request: ApiRequest, message: UUID) -> dict[str, Any]:
    """Return a message with its attempts."""
    return message_answer(find_message(user=request.auth.user, message_id=message))


def channel_answer(row: Any) -> dict[str, Any]:
    """Return a channel as it is shown to programs: nothing of its address but the server."""
    channel = row.channel
    names = ("name", "kind", "per_hour", "paused_at", "last_delivered_at", "broken_since")
    return {
        **{name: getattr(channel, name) for name in names},
        "id": channel.pk,
        "project": channel.project_id,
        "goes_to": channel.shown,
        "waiting": row.waiting,
        "rules": [rule_answer(rule) for rule in row.rules],
    }


def rule_answer(rule: Any) -> dict[str, Any]:
    """Return a rule as it is shown to programs."""
    names = ("severity", "kinds", "agents", "quiet_from", "quiet_until", "time_zone")
    return {
        **{name: getattr(rule, name) for name in (*names, "high_passes", "remind_hours")},
        "id": rule.pk,
        "words": kinds_words(rule),
    }


def message_answer(message: Any) -> dict[str, Any]:
    """Return a message as it is shown to programs."""
    names = ("kind", "severity", "title", "more", "state", "created_at", "next_try_at", "ended_at")
    return {
        **{name: getattr(message, name) for name in (*names, "reason")},
        "id": message.pk,
        "channel": message.channel_id,
        "keys": [item["key"] for item in message.items],
        "attempts": [_attempt(row) for row in message.tries.all()],
    }


def _attempt(row: Any) -> dict[str, Any]:
    names = ("number", "begun_at", "milliseconds", "outcome", "status", "answer", "next_try_at")
    return {name: getattr(row, name) for name in names}


def _wanted(rule: RuleIn) -> WantedRule:
    return WantedRule(**{**rule.dict(), "kinds": tuple(rule.kinds)})


def _with_secret(request: ApiRequest, channel_pk: int, secret: str) -> dict[str, Any]:
    row = channel_page(user=request.auth.user, channel_pk=channel_pk).row
    return channel_answer(row) | {"secret": secret or None}
