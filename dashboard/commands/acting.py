"""Acting for somebody from the command line, with the same sentences as from a page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import checkpoints
from checkpoints.cli.exits import Exit, errors
from checkpoints.presentation import one_line
from dashboard.commands.setting_up import choose, require_index

if TYPE_CHECKING:
    from dashboard.models import User

As = Annotated[
    str, typer.Option("--as", metavar="USER", help="For whom. [default: the first administrator]")
]
NOT_THERE = "There is no such operation; nothing was changed. See `holdfast operations list`."


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and when: who owns the machine has proved that they are anybody on it."""

    user: User
    now: datetime


@contextlib.contextmanager
def asking(name: str, data_dir: Path | None) -> Iterator[Asker]:
    """Set up, act as somebody, and turn every refusal into a line on stderr and an exit code."""
    choose(data_dir)
    require_index()
    from django.utils import timezone

    now = timezone.now()
    with _explained():
        user = _user(name)
        user.authenticated_at = now
        yield Asker(user, now)


def _user(name: str) -> User:
    from dashboard.models import User
    from dashboard.services import login

    if not name:
        return login.first_administrator()
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise ended(Exit.NOT_FOUND, f"There is no open account {name!r}; nothing was changed.")
    return found


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
    from django.http import Http404

    from dashboard.services.drift import DriftRefused
    from dashboard.services.drills import DrillRefused
    from dashboard.services.notifications import NotificationRefused
    from dashboard.services.operations import OperationRefused
    from dashboard.services.orders import OrderInvalid
    from dashboard.services.projects import ProjectRefused
    from dashboard.services.retention import RetentionRefused
    from dashboard.services.sources import SourceRefused
    from dashboard.services.storage import QuotaRefused

    try:
        yield
    except OperationRefused as error:
        raise ended(_exit_of(error.__cause__), str(error)) from None
    except (
        PermissionDenied,
        DriftRefused,
        DrillRefused,
        NotificationRefused,
        RetentionRefused,
        ProjectRefused,
        QuotaRefused,
        SourceRefused,
    ) as error:
        raise ended(Exit.REFUSED, str(error)) from None
    except Http404 as error:
        raise ended(Exit.NOT_FOUND, str(error)) from None
    except ObjectDoesNotExist:
        raise ended(Exit.NOT_FOUND, NOT_THERE) from None
    except OrderInvalid as error:
        text = f"{error.field or 'The order'}: {error}. Nothing was changed."
        raise ended(Exit.USAGE, text) from None


def _exit_of(cause: BaseException | None) -> Exit:
    if isinstance(cause, checkpoints.TransientStoreError):
        return Exit.TRY_AGAIN
    return Exit.CORRUPT if isinstance(cause, checkpoints.CorruptCheckpoint) else Exit.REFUSED


def ended(code: Exit, sentence: str) -> typer.Exit:
    """Say why on stderr and return the exit."""
    errors.print(f"holdfast: {one_line(sentence)}", markup=False, highlight=False)
    return typer.Exit(code)
