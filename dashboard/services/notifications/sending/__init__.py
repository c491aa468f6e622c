"""Handing a letter over, by the kind of its channel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from dashboard.models import ChannelKind
from dashboard.services.notifications.errors import NotificationRefused
from dashboard.services.notifications.rendering import Letter
from dashboard.services.notifications.sending import mail, services, webhooks
from dashboard.services.notifications.sending.answers import Answer, without_secrets
from dashboard.services.notifications.targets import Target

__all__ = ["Answer", "check", "send", "shown"]
logger = structlog.get_logger(__name__)
Send = Callable[[Target, Letter, datetime], Answer]
_SENDERS: dict[str, Send] = {
    ChannelKind.EMAIL.value: mail.send,
    ChannelKind.WEBHOOK.value: webhooks.send,
    ChannelKind.SERVICE.value: services.send,
}


def send(target: Target, letter: Letter, now: datetime) -> Answer:
    """Hand a letter over and return what came of it. Raises nothing, repeats no secret."""
    try:
        answer = _SENDERS[target.kind](target, letter, now)
    except NotificationRefused as error:
        answer = Answer.refused(str(error))
    except Exception as error:  # noqa: BLE001 - whatever the other side does, the worker goes on
        logger.error("notification failed", message=letter.id, error=type(error).__name__)
        answer = Answer.failed(f"It could not be sent ({type(error).__name__}).")
    return without_secrets(answer, target.secrets)


def check(target: Target) -> None:
    """Return when messages may go there. Raises NotificationRefused; nothing is sent."""
    checks = {
        ChannelKind.EMAIL.value: mail.check,
        ChannelKind.WEBHOOK.value: webhooks.check,
        ChannelKind.SERVICE.value: services.check,
    }
    checks[target.kind](target)


def shown(target: Target) -> str:
    """Return what people may see of a target. Raises NotificationRefused for an unknown service."""
    words = {
        ChannelKind.EMAIL.value: mail.shown,
        ChannelKind.WEBHOOK.value: webhooks.shown,
        ChannelKind.SERVICE.value: services.shown,
    }
    return words[target.kind](target)[:300]
