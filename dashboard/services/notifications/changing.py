"""Channels and their rules: added, changed, tested, paused and removed by people."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import IntegrityError, transaction

from dashboard import access, queue
from dashboard.models import (
    ChannelKind,
    MessageKind,
    NotificationChannel,
    NotificationMessage,
    NotificationRule,
    Severity,
    User,
)
from dashboard.models.notifications import MINUTES_OF_DAY, MOST_PER_HOUR, PER_HOUR
from dashboard.selectors.notifications import find_channel, find_rule
from dashboard.services import audit
from dashboard.services.notifications import targets
from dashboard.services.notifications.errors import NotificationRefused
from dashboard.services.notifications.kinds import KINDS
from dashboard.services.notifications.rendering import Item
from dashboard.services.notifications.sending import check, shown
from dashboard.services.notifications.targets import Target

MOST_CHANNELS = 100
MOST_RULES = 20
MOST_REMIND_HOURS = 24 * 14
NOTHING = "nothing was changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a channel is to be. An empty ``address`` leaves the one that is kept."""

    name: str
    kind: str
    address: str = ""
    secret: str = ""
    per_hour: int = PER_HOUR

    def check(self) -> None:
        """Raise NotificationRefused for what cannot be."""
        if not 1 <= len(self.name.strip()) <= 100 or not self.name.strip().isprintable():
            raise NotificationRefused(f"A name has 1 to 100 printable characters; {NOTHING}.")
        if self.kind not in ChannelKind.values:
            raise NotificationRefused(f"A channel is {', '.join(ChannelKind.values)}; {NOTHING}.")
        if not 1 <= self.per_hour <= MOST_PER_HOUR:
            raise NotificationRefused(f"1 to {MOST_PER_HOUR} messages an hour; {NOTHING}.")

    def target(self) -> Target:
        """Return where messages go. Raises NotificationRefused."""
        if self.kind == ChannelKind.EMAIL:
            return targets.email(self.address)
        if self.kind == ChannelKind.WEBHOOK:
            return targets.webhook(self.address, self.secret)
        return targets.service(self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRule:
    """How a rule is to be; quiet hours are minutes of the day, both or none."""

    severity: str = "low"
    kinds: tuple[str, ...] = ()
    agents: str = ""
    quiet_from: int | None = None
    quiet_until: int | None = None
    time_zone: str = "UTC"
    high_passes: bool = True
    remind_hours: int | None = None

    def check(self) -> None:
        """Raise NotificationRefused for what cannot be."""
        if self.severity not in Severity.values:
            raise NotificationRefused(f"A severity is {', '.join(Severity.values)}; {NOTHING}.")
        if unknown := sorted(set(self.kinds) - set(KINDS)):
            raise NotificationRefused(
                f"There is no kind {unknown[0][:60]!r}; {NOTHING}. There are {', '.join(KINDS)}."
            )
        if len(self.agents) > 200 or not (self.agents.isprintable()):
            raise NotificationRefused(f"A pattern has at most 200 characters; {NOTHING}.")
        self._check_hours()

    def _check_hours(self) -> None:
        ends = (self.quiet_from, self.quiet_until)
        if (ends[0] is None) != (ends[1] is None):
            raise NotificationRefused(f"Quiet hours have a beginning and an end; {NOTHING}.")
        if any(end is not None and not 0 <= end < MINUTES_OF_DAY for end in ends):
            raise NotificationRefused(f"A time of the day lies from 00:00 to 23:59; {NOTHING}.")
        if self.remind_hours is not None and not 1 <= self.remind_hours <= MOST_REMIND_HOURS:
            raise NotificationRefused(f"Reminders come every 1 to {MOST_REMIND_HOURS} hours.")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise NotificationRefused(
                f"There is no time zone {self.time_zone[:60]!r}; {NOTHING}. Write it as "
                "Europe/Berlin."
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A channel, and a webhook's secret where a new one was made: nobody can show it again."""

    channel: NotificationChannel
    secret: str = field(default="", repr=False)


def add_channel(
    *, user: User, project_pk: int, wanted: Wanted, rule: WantedRule, now: datetime
) -> Kept:
    """Let messages about a project go somewhere, by a first rule.

    Names are looked up, nothing is sent. Raises Forbidden, Hidden, LoginTooOld or
    NotificationRefused.
    """
    access.require(user, "admin", project_pk)
    access.require_recent_login(user, now)
    wanted.check()
    rule.check()
    target = _checked(wanted)
    if NotificationChannel.objects.filter(project=project_pk).count() >= MOST_CHANNELS:
        raise NotificationRefused(f"A project has at most {MOST_CHANNELS} channels; {NOTHING}.")
    channel = NotificationChannel(
        project_id=project_pk,
        name=wanted.name.strip(),
        kind=wanted.kind,
        target=targets.sealed(target, project_id=project_pk),
        shown=shown(target),
        per_hour=wanted.per_hour,
        next_message_at=now,
        created_by=user,
        created_at=now,
    )
    with transaction.atomic():
        _save(channel, force_insert=True)
        NotificationRule.objects.create(channel=channel, **_values(rule))
        _record(user, "channel.added", channel, now)
    return Kept(channel=channel, secret="" if wanted.secret else target.secret)


def change_channel(*, user: User, channel_pk: int, wanted: Wanted, now: datetime) -> Kept:
    """Give a channel another name, limit or, where one is entered, another address.

    Raises NotFound, Forbidden, LoginTooOld for another address, or NotificationRefused.
    """
    channel = _administered(user, channel_pk)
    wanted.check()
    if wanted.kind != channel.kind:
        raise NotificationRefused(f"A channel keeps its kind; {NOTHING}. Add another channel.")
    channel.name, channel.per_hour = wanted.name.strip(), wanted.per_hour
    secret = ""
    if wanted.address.strip():
        access.require_recent_login(user, now)
        target = _checked(wanted)
        channel.target = targets.sealed(target, project_id=channel.project_id)
        channel.shown, channel.broken_since = shown(target), None
        secret = "" if wanted.secret else target.secret
    with transaction.atomic():
        _save(channel, update_fields=["name", "per_hour", "target", "shown", "broken_since"])
        _record(user, "channel.changed", channel, now)
    return Kept(channel=channel, secret=secret)


def pause_channel(*, user: User, channel_pk: int, now: datetime) -> NotificationChannel:
    """Send nothing by a channel; what happens meanwhile is not told. Raises NotFound, Forbidden."""
    channel = _administered(user, channel_pk)
    with transaction.atomic():
        if _rows(channel).filter(paused_at=None).update(paused_at=now):
            _record(user, "channel.paused", channel, now)
    channel.refresh_from_db()
    return channel


def resume_channel(*, user: User, channel_pk: int, now: datetime) -> NotificationChannel:
    """Send by a channel again, first what it had to tell before. Raises NotFound, Forbidden."""
    channel = _administered(user, channel_pk)
    with transaction.atomic():
        if _rows(channel).filter(paused_at__isnull=False).update(paused_at=None):
            _record(user, "channel.resumed", channel, now)
    channel.refresh_from_db()
    return channel


def remove_channel(*, user: User, channel_pk: int, now: datetime) -> str:
    """Take a channel away with its rules and its log; return its name.

    Raises NotFound, Forbidden.
    """
    channel = _administered(user, channel_pk)
    with transaction.atomic():
        _record(user, "channel.removed", channel, now)
        channel.delete()
    return channel.name


def test_channel(*, user: User, channel_pk: int, now: datetime) -> NotificationMessage:
    """Send a message that says that it is a test. Raises NotFound, Forbidden.

    A channel that is paused is refused.
    """
    channel = find_channel(user=user, channel_pk=channel_pk)
    if channel.paused_at is not None:
        raise NotificationRefused("The channel is paused, so nothing was sent. Resume it first.")
    waiting = channel.messages.filter(kind=MessageKind.TEST, state="waiting")
    if waiting.exists():
        raise NotificationRefused("A test has not ended yet; no second one was begun.")
    with transaction.atomic():
        message = NotificationMessage.objects.create(
            channel=channel,
            kind=MessageKind.TEST,
            severity=Severity.LOW,
            title=f"Test: Holdfast reaches {channel.name}",
            items=[asdict(_test_item(user, channel, now))],
            created_at=now,
            next_try_at=now,
            hinted_at=now,
            asked_by=user,
        )
        queue.enqueue_message(message.pk)
        _record(user, "channel.tested", channel, now)
    return message


def add_rule(*, user: User, channel_pk: int, wanted: WantedRule, now: datetime) -> NotificationRule:
    """Tell a channel of more. Raises NotFound, Forbidden, NotificationRefused."""
    channel = _administered(user, channel_pk)
    wanted.check()
    if channel.rules.count() >= MOST_RULES:
        raise NotificationRefused(f"A channel has at most {MOST_RULES} rules; {NOTHING}.")
    with transaction.atomic():
        rule = NotificationRule.objects.create(channel=channel, **_values(wanted))
        _record(user, "channel.rule_added", channel, now, **_values(wanted))
    return rule


def change_rule(*, user: User, rule_pk: int, wanted: WantedRule, now: datetime) -> NotificationRule:
    """Let a rule be another. Raises NotFound, Forbidden, NotificationRefused."""
    rule = find_rule(user=user, rule_pk=rule_pk)
    access.require(user, "admin", rule.channel.project_id)
    wanted.check()
    with transaction.atomic():
        NotificationRule.objects.filter(pk=rule.pk).update(**_values(wanted))
        _record(user, "channel.rule_changed", rule.channel, now, **_values(wanted))
    rule.refresh_from_db()
    return rule


def remove_rule(*, user: User, rule_pk: int, now: datetime) -> NotificationChannel:
    """Take a rule away and return its channel. Raises NotFound, Forbidden."""
    rule = find_rule(user=user, rule_pk=rule_pk)
    access.require(user, "admin", rule.channel.project_id)
    with transaction.atomic():
        _record(user, "channel.rule_removed", rule.channel, now)
        rule.delete()
    return rule.channel


def _checked(wanted: Wanted) -> Target:
    target = wanted.target()
    check(target)
    return target


def _administered(user: User, channel_pk: int) -> NotificationChannel:
    channel = find_channel(user=user, channel_pk=channel_pk)
    access.require(user, "admin", channel.project_id)
    return channel


def _rows(channel: NotificationChannel) -> Any:
    return NotificationChannel.objects.filter(pk=channel.pk)


def _save(channel: NotificationChannel, **how: Any) -> None:
    try:
        with transaction.atomic():
            channel.save(**how)
    except IntegrityError:
        raise NotificationRefused(
            f"The project has a channel {channel.name!r} already; {NOTHING}. Take another name."
        ) from None


def _values(rule: WantedRule) -> dict[str, Any]:
    return asdict(rule) | {"kinds": list(dict.fromkeys(rule.kinds)), "agents": rule.agents.strip()}


def _test_item(user: User, channel: NotificationChannel, now: datetime) -> Item:
    return Item.made(
        key=f"test-{channel.pk}",
        kind="test",
        severity="low",
        title=f"Test: Holdfast reaches {channel.name}",
        text=f"{user.get_username()} asked for this message. Nothing has happened.",
        since=f"{now:%Y-%m-%d %H:%M} UTC",
        path=f"/settings/notifications/{channel.pk}/",
        agent="",
    )


def _record(
    user: User, action: str, channel: NotificationChannel, now: datetime, **details: Any
) -> None:
    audit.record(
        user=user,
        action=action,
        target=channel.name,
        details={"kind": channel.kind, "goes_to": channel.shown, **details},
        now=now,
        project=channel.project_id,
    )
