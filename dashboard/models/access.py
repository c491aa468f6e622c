"""Who may come in and do what: people, projects, tokens of programs, one-time login links."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

DEFAULT_PROJECT = "default"


class User(AbstractUser):
    """A person who logs in.

    ``through`` and ``authenticated_at`` belong to a request and are not stored: the token by which
    a program acts for the person, and when the person last proved who they are.
    """

    through: ApiToken | None = None
    authenticated_at: datetime | None = None


class Role(models.TextChoices):
    """What a person may do in a project; each may all that those before it may."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    ADMIN = "admin", "Administrator"


class Project(models.Model):
    """Sources that the same people may see and operate."""

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    requires_approval = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


def default_project() -> int:
    """Return the project of what names none, made when it is missing."""
    known = Project.objects.filter(slug=DEFAULT_PROJECT).values_list("pk", flat=True).first()
    if known is not None:
        return known
    values = {"name": "Default", "created_at": timezone.now()}  # noqa: TID251 - a field's default is given none
    return Project.objects.get_or_create(slug=DEFAULT_PROJECT, defaults=values)[0].pk


class Membership(models.Model):
    """A person's role in a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_role_per_project")
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


class Scope(models.TextChoices):
    """What a token may do."""

    PUSH = "push", "Push"
    READ = "read", "Read"
    OPERATE = "operate", "Operate"


class ApiToken(models.Model):
    """A program's credential: shown once, kept as a hash, looked up by its prefix."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    project = models.ForeignKey(
        Project, default=default_project, on_delete=models.CASCADE, related_name="tokens"
    )
    agent_id = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class LoginLink(models.Model):
    """A link that logs one person in once, for a short time."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_links")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
