"""Channels with their rules, and what was sent by them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery

from dashboard.access import projects, require, visible
from dashboard.models import (
    DeliveryAttempt,
    MessageState,
    Notice,
    NotificationChannel,
    NotificationMessage,
    NotificationRule,
    Project,
    User,
)
from dashboard.selectors.errors import NotFound
from dashboard.selectors.keyset import NEWEST, Slice, page_after

LAST = 50
NO_CHANNEL = "There is no such channel; nothing was changed. See Settings, Notifications."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """A channel, its rules and how it fares."""

    channel: NotificationChannel
    rules: tuple[NotificationRule, ...]
    waiting: int
    last: NotificationMessage | None
    administered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsPage:
    """The channels of the projects that one operates. ``projects`` are those one administers."""

    rows: tuple[ChannelRow, ...]
    projects: tuple[Project, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPage:
    """One channel with its last messages; ``held`` counts subjects that wait to be told."""

    row: ChannelRow
    messages: tuple[NotificationMessage, ...]
    next_key: str
    held: int


def channels_page(*, user: User) -> ChannelsPage:
    """Return the channels that a person may see, in a constant number of queries."""
    return ChannelsPage(
        rows=tuple(_rows(user, _channels(user))),
        projects=tuple(projects(user, "admin").order_by("name")),
    )


def list_channels(*, user: User) -> list[ChannelRow]:
    """Return the channels that a person may see. Raises Forbidden for viewers."""
    return _rows(user, _channels(user))


def channel_page(*, user: User, channel_pk: int, after: str = "") -> ChannelPage:
    """Return a channel with what was sent by it, the newest first. Raises NotFound, Forbidden."""
    channel = find_channel(user=user, channel_pk=channel_pk)
    found = list_messages(user=user, channel_pk=channel_pk, after=after)
    return ChannelPage(
        row=_rows(user, NotificationChannel.objects.filter(pk=channel.pk))[0],
        messages=found.rows,
        next_key=found.next_key,
        held=Notice.objects.filter(channel=channel, due_at__isnull=False).count(),
    )


def list_messages(
    *, user: User, channel_pk: int | None = None, after: str = ""
) -> Slice[NotificationMessage]:
    """Return a page of messages with their attempts, the newest first.

    Raises NotFound for a bad key, Forbidden for viewers.
    """
    require(user, "operate")
    tries = Prefetch("tries", DeliveryAttempt.objects.order_by("number"))
    rows = NotificationMessage.objects.select_related("channel__project", "asked_by")
    rows = visible(user, rows, "channel__project", right="operate").prefetch_related(tries)
    if channel_pk is not None:
        rows = rows.filter(channel=channel_pk)
    return page_after(rows, NEWEST, after, size=LAST)


def find_message(*, user: User, message_id: UUID) -> NotificationMessage:
    """Return a message with its attempts. Raises NotFound, Forbidden."""
    rows = NotificationMessage.objects.select_related("channel__project", "asked_by")
    found = visible(user, rows.filter(pk=message_id), "channel__project").first()
    if found is None:
        raise NotFound("There is no such message. Messages are kept for 30 days; see the list.")
    require(user, "operate", found.channel.project_id)
    return found


def find_channel(*, user: User, channel_pk: int) -> NotificationChannel:
    """Return a channel. Raises NotFound; Forbidden for who may only read its project."""
    rows = NotificationChannel.objects.select_related("project").filter(pk=channel_pk)
    found = visible(user, rows).first()
    if found is None:
        raise NotFound(NO_CHANNEL)
    require(user, "operate", found.project_id)
    return found


def find_rule(*, user: User, rule_pk: int) -> NotificationRule:
    """Return a rule with its channel. Raises NotFound, Forbidden."""
    rows = NotificationRule.objects.select_related("channel__project").filter(pk=rule_pk)
    found = visible(user, rows, "channel__project").first()
    if found is None:
        raise NotFound("There is no such rule; nothing was changed. See the channel's page.")
    require(user, "operate", found.channel.project_id)
    return found


def _channels(user: User) -> QuerySet[NotificationChannel]:
    require(user, "operate")
    return visible(user, NotificationChannel.objects.all(), right="operate")


def _rows(user: User, found: QuerySet[NotificationChannel]) -> list[ChannelRow]:
    """Return channels as they are listed, in four queries."""
    waiting = Count("messages", filter=Q(messages__state=MessageState.WAITING))
    sent = NotificationMessage.objects.filter(channel=OuterRef("pk")).order_by("-created_at", "-pk")
    rules = Prefetch("rules", NotificationRule.objects.order_by("pk"))
    channels = list(
        found.select_related("project", "created_by")
        .annotate(waiting_total=waiting, last_id=Subquery(sent.values("pk")[:1]))
        .prefetch_related(rules)
        .order_by("project__name", "name", "pk")
    )
    own = set(projects(user, "admin").values_list("pk", flat=True))
    newest = [vars(channel)["last_id"] for channel in channels]
    last = NotificationMessage.objects.in_bulk([pk for pk in newest if pk is not None])
    return [
        ChannelRow(
            channel=channel,
            rules=tuple(channel.rules.all()),
            waiting=vars(channel)["waiting_total"],
            last=last.get(vars(channel)["last_id"]),
            administered=channel.project_id in own,
        )
        for channel in channels
    ]


def require_administered(*, user: User) -> None:
    """Return for who administers a project, which adding a channel takes. Raises Forbidden."""
    require(user, "admin")
