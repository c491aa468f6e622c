"""What people type in."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms

from dashboard.models import Project, Role

SCOPES = (
    ("push", "report checkpoints"),
    ("read", "read what is here"),
    ("operate", "ask for operations, such as restores"),
)


def new_key() -> str:
    """Return a key by which a second click is known to be the same request."""
    return str(uuid.uuid4())


class ReasonForm(forms.Form):
    """Says why something is asked for."""

    reason = forms.CharField(
        label="Why",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Others read this beside it and in the audit log.",
    )
    idempotency_key = forms.CharField(max_length=64, initial=new_key, widget=forms.HiddenInput)


class UndoForm(ReasonForm):
    """Asks for what an operation did to be taken back."""


class ConfirmForm(forms.Form):
    """Confirms a draft by its hash; ``typed`` is the name that many removals ask for."""

    reason = forms.CharField(
        label="Why",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Others read this beside it and in the audit log.",
    )
    typed = forms.CharField(max_length=1000, required=False)
    plan_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)


class ForkForm(forms.Form):
    """Names the thread that begins at a checkpoint. Its edits are fields of the page's own."""

    thread_id = forms.CharField(
        label="Name of the new thread",
        max_length=500,
        help_text="It must not exist yet. The thread that it comes from stays as it is.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    agent_id = forms.CharField(
        label="For another agent",
        max_length=500,
        required=False,
        help_text="Empty: for the same agent.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    nonce = forms.CharField(max_length=64, widget=forms.HiddenInput)


class EraseForm(forms.Form):
    """Says whose checkpoints are erased: of a run, a user or a thread."""

    what = forms.ChoiceField(
        label="Erase what belongs to",
        choices=(("run_id", "a run"), ("user_id", "a user"), ("thread_id", "a thread")),
    )
    value = forms.CharField(
        label="Its id",
        max_length=2000,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    agent_id = forms.CharField(
        label="Only of the agent",
        max_length=2000,
        required=False,
        help_text="Empty: of every agent of this source.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    idempotency_key = forms.CharField(max_length=64, initial=new_key, widget=forms.HiddenInput)


class DirectiveForm(ReasonForm):
    """Leaves an agent the directive to restore a checkpoint."""


class RestoreForm(ReasonForm):
    """Confirms a restore that was seen: ``plan_token`` holds what the preview showed."""

    plan_token = forms.CharField(max_length=4000, widget=forms.HiddenInput)
    follow_live = forms.BooleanField(
        label="Restore even if the agent goes on saving",
        required=False,
        help_text=(
            "What it saves until the worker acts joins the branch. "
            "Without this a moved head is refused."
        ),
    )


def ask_for_project(form: forms.Form, projects: Sequence[Project]) -> None:
    """Let a form ask for the project first, where there is more than one to choose from."""
    if len(projects) < 2:
        return
    choices = [(project.pk, project.name) for project in projects]
    field = forms.TypedChoiceField(label="Project", choices=choices, coerce=int)
    form.fields = {"project_id": field, **form.fields}


class SourceForm(forms.Form):
    """Names a store."""

    def __init__(self, *args: Any, projects: Sequence[Project] = (), **values: Any) -> None:
        super().__init__(*args, **values)
        ask_for_project(self, projects)

    url = forms.CharField(
        label="Address of the store",
        max_length=4000,
        widget=forms.TextInput(
            attrs={"placeholder": "langgraph+sqlite:////data/agent.sqlite", "spellcheck": "false"}
        ),
        help_text=(
            "langgraph+sqlite:////path/of/file · kaizen:////path/of/folder · "
            "sqlite:////path/of/file · file:////path/of/folder. "
            "Four slashes begin an absolute path on the machine of this dashboard."
        ),
    )
    name = forms.CharField(
        label="Name",
        max_length=200,
        required=False,
        help_text="As it is shown here; empty: the name of the file or folder.",
    )


class NewProjectForm(forms.Form):
    """Names a new project."""

    name = forms.CharField(label="Name", max_length=100)


class ProjectForm(NewProjectForm):
    """Changes a project."""

    requires_approval = forms.BooleanField(
        label="A second person approves operations",
        required=False,
        help_text="Whoever asks for one cannot approve it; another operator does.",
    )


class MemberForm(forms.Form):
    """Gives somebody a role."""

    username = forms.CharField(
        label="Person", max_length=150, help_text="The name of their account."
    )
    role = forms.ChoiceField(
        label="Role",
        choices=Role.choices,
        help_text=(
            "Viewers read. Operators also ask for operations, add sources and make tokens that "
            "push. Administrators also manage members and read the audit log."
        ),
    )


class TokenForm(forms.Form):
    """Describes a new token."""

    name = forms.CharField(
        label="Name", max_length=100, help_text="What will use it, such as “crawler in production”."
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=SCOPES,
        initial=["push"],
        widget=forms.CheckboxSelectMultiple,
    )
    agent_id = forms.CharField(
        label="Only for the agent",
        max_length=500,
        required=False,
        help_text="Empty: for any agent.",
    )
    days = forms.IntegerField(
        label="Ends after, in days",
        required=False,
        min_value=1,
        max_value=730,
        help_text="At most 730, or 90 for one that may operate. Empty: 365, or 90.",
    )

    def __init__(
        self, *args: Any, projects: Sequence[Project] = (), may_operate: bool = True, **values: Any
    ) -> None:
        super().__init__(*args, **values)
        ask_for_project(self, projects)
        if not may_operate:
            scopes = self.fields["scopes"]
            scopes.choices = scopes.widget.choices = [SCOPES[1]]  # type: ignore[attr-defined]
            scopes.initial = ["read"]
