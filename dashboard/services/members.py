"""Who belongs to a project, and with which role. One administrator always stays."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from dashboard import access
from dashboard.models import Membership, Project, Role, User
from dashboard.services import audit


class MemberRefused(Exception):
    """The member cannot be added, changed or removed as asked; nothing was changed."""


def set_role(*, user: User, project_id: int, username: str, role: str, now: datetime) -> None:
    """Give somebody a role in a project: a new member, or one with another role until now.

    Raises Hidden, Forbidden, LoginTooOld, and MemberRefused for a person or a role that is not
    there, and when the project would lose its last administrator.
    """
    _require(user, project_id, now)
    if role not in Role.values:
        raise MemberRefused(f"There is no role {role!r}; nothing was changed.")
    person = User.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise MemberRefused(
            f"There is no account {username!r} that is open; nothing was changed. Accounts are "
            "made under People."
        )
    with transaction.atomic():
        members = _lock(project_id)
        before = members.filter(user=person).first()
        if before is not None and before.role == role:
            return
        _keep_an_administrator(members, person, role)
        Membership.objects.update_or_create(
            project_id=project_id, user=person, defaults={"role": role}
        )
        details = {"role": role, "before": before.role if before else ""}
        _record(user, "member.set", person, project_id, details, now)


def remove_member(*, user: User, project_id: int, person_id: int, now: datetime) -> str:
    """Take somebody out of a project and return their name. What they made through it ends.

    Raises Hidden, Forbidden, LoginTooOld, MemberRefused.
    """
    _require(user, project_id, now)
    with transaction.atomic():
        members = _lock(project_id)
        member = members.filter(user=person_id).first()
        if member is None:
            raise MemberRefused("This person is not a member; nothing was changed.")
        _keep_an_administrator(members, member.user, "")
        member.delete()
        _record(user, "member.removed", member.user, project_id, {"before": member.role}, now)
    return member.user.get_username()


def _require(user: User, project_id: int, now: datetime) -> None:
    access.require(user, "admin", project_id)
    access.require_recent_login(user, now)


def _lock(project_id: int) -> QuerySet[Membership]:
    """Return a project's members, whom nobody else changes until the commit."""
    Project.objects.select_for_update().get(pk=project_id)
    return Membership.objects.select_related("user").filter(project=project_id)


def _keep_an_administrator(members: QuerySet[Membership], person: User, role: str) -> None:
    others = members.filter(role=Role.ADMIN, user__is_active=True).exclude(user=person)
    was = members.filter(role=Role.ADMIN, user=person).exists()
    if was and role != Role.ADMIN and not others.exists():
        raise MemberRefused(
            f"{person.get_username()} is the last administrator of this project; nothing was "
            "changed. Make somebody else one first."
        )


def _record(
    user: User, action: str, person: User, project_id: int, details: dict[str, str], now: datetime
) -> None:
    audit.record(
        user=user,
        action=action,
        target=person.get_username(),
        details=details,
        now=now,
        project=project_id,
    )
