"""What people type in."""

from __future__ import annotations

import uuid

from django import forms

SCOPES = (
    ("push", "report checkpoints"),
    ("read", "read what is here"),
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
    """Asks for the previous head to be restored."""


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


class SourceForm(forms.Form):
    """Names a store."""

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
        max_value=3650,
        initial=365,
        help_text="Empty: it does not end by itself.",
    )
