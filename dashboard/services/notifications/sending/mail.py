"""Mail, by the server that ``HOLDFAST_EMAIL_URL`` names."""

from __future__ import annotations

import smtplib
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from dashboard.mail_servers import MailServer
from dashboard.services.notifications.errors import NotificationRefused
from dashboard.services.notifications.rendering import Letter
from dashboard.services.notifications.sending.answers import Answer
from dashboard.services.notifications.targets import Target

SECONDS = 10
TEXT_CHARACTERS = 20_000
BACKEND = "django.core.mail.backends.smtp.EmailBackend"
NO_SERVER = (
    "No mail server is set, so nothing was sent. An administrator of the machine sets "
    "HOLDFAST_EMAIL_URL, such as smtp://user:password@mail.example.com:587."
)
_PERMANENT = 500
_LOGIN_REFUSED = 535


def check(_: Target) -> None:
    """Return when there is a server to hand mail in at. Raises NotificationRefused."""
    if not settings.HOLDFAST_EMAIL_URL:
        raise NotificationRefused(NO_SERVER)


def shown(target: Target) -> str:
    """Return the recipients."""
    return ", ".join(target.recipients)


def send(target: Target, letter: Letter, _: datetime) -> Answer:
    """Hand a letter in for all recipients at once; each time with the same ``Message-ID``."""
    if not settings.HOLDFAST_EMAIL_URL:
        return Answer.failed(NO_SERVER)
    try:
        EmailMessage(
            subject=f"[Holdfast] {letter.title}",
            body=letter.text(TEXT_CHARACTERS),
            from_email=_sender(letter),
            to=list(target.recipients),
            headers=_headers(letter),
            connection=_server(),
        ).send()
    except smtplib.SMTPRecipientsRefused as error:
        return _refused(dict(error.recipients))
    except smtplib.SMTPResponseException as error:
        return _answered(error)
    except (OSError, smtplib.SMTPException) as error:
        said = str(error) or type(error).__name__
        return Answer.failed(f"The mail server could not be spoken with: {said}")
    return Answer(taken=True, words=f"Handed in for {_count(target)}.")


def _server() -> BaseEmailBackend:
    server = MailServer.from_url(settings.HOLDFAST_EMAIL_URL)
    found: BaseEmailBackend = get_connection(
        BACKEND,
        host=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.starttls,
        use_ssl=server.secure,
        timeout=SECONDS,
    )
    return found


def _headers(letter: Letter) -> dict[str, str]:
    return {
        "Message-ID": f"<{letter.id}@{_domain(letter)}>",
        "Auto-Submitted": "auto-generated",
        "X-Holdfast-Message": letter.id,
        "X-Holdfast-Severity": letter.severity,
    }


def _sender(letter: Letter) -> str:
    sender: str = settings.HOLDFAST_EMAIL_FROM
    return sender or f"Holdfast <holdfast@{_domain(letter)}>"


def _domain(letter: Letter) -> str:
    return urlsplit(letter.site).hostname or "localhost"


def _refused(recipients: dict[str, tuple[int, bytes]]) -> Answer:
    code, said = next(iter(recipients.values()))
    words = f"The mail server takes nothing for {', '.join(recipients)}: {_text(said)}"
    refuse = all(one >= _PERMANENT for one, _ in recipients.values())
    return Answer.refused(words, code) if refuse else Answer.failed(words, code)


def _answered(error: smtplib.SMTPResponseException) -> Answer:
    """Return the server's answer: 5xx is for good (RFC 5321, 4.2.1), but for a login, which others
    may put right.
    """
    words = f"The mail server answered {error.smtp_code}: {_text(error.smtp_error)}"
    login = error.smtp_code == _LOGIN_REFUSED
    if error.smtp_code >= _PERMANENT and not login:
        return Answer.refused(words, error.smtp_code)
    return Answer.failed(words, error.smtp_code)


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _count(target: Target) -> str:
    count = len(target.recipients)
    return "one recipient" if count == 1 else f"{count} recipients"
