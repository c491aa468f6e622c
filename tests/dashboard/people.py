"""People and their roles."""

from __future__ import annotations

import time

from django.test import Client

from dashboard.models import Membership, Project, Role, User
from dashboard.models.access import default_project


def join(user: User, role: Role = Role.OPERATOR, project: Project | None = None) -> User:
    """Give ``user`` a role in a project, by default an operator's in the default one."""
    pk = project.pk if project else default_project()
    Membership.objects.update_or_create(project_id=pk, user=user, defaults={"role": role})
    return user


def log_in(user: User, *, minutes_ago: float = 0) -> Client:
    """Return the client of somebody who proved who they are some minutes ago."""
    client = Client()
    client.force_login(user)
    session = client.session
    session["account_authentication_methods_user"] = str(user.pk)
    proof = {"method": "password", "at": time.time() - 60 * minutes_ago, "reauthenticated": True}
    session["account_authentication_methods"] = [proof]
    session.save()
    return client
