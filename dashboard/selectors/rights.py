"""Why somebody's role is too small, so that a button can say so before it is pressed."""

from __future__ import annotations

from dashboard.access import Right, may
from dashboard.models import Project, User

_ROLES = {"read": "viewer", "operate": "operator", "admin": "administrator"}


def why_not(user: User, right: Right, project: Project) -> str:
    """Return the reason why ``user`` may not use a right in a project, empty where they may."""
    if may(user, right, project):
        return ""
    return (
        f"This needs the role {_ROLES[right]} in the project {project}. "
        "Ask one of its administrators."
    )
