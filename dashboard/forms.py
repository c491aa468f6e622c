"""What people type in."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.http import QueryDict

import checkpoints
from checkpoints.bodies.encryption import Keyring
from dashboard.addresses import AddressRefused, check_unspoken, server_kind, take_apart
from dashboard.credentials import NONE, Credentials
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


class CredentialsForm(forms.Form):
    """Takes what opens a store. None of it is ever written into a page again."""

    user = forms.CharField(
        label="User",
        max_length=500,
        required=False,
        help_text="Of a bucket: the access key, on Azure the account's name.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    password = forms.CharField(
        label="Password",
        max_length=10_000,
        required=False,
        strip=False,
        help_text="Of a bucket: the secret key, on Google Cloud a service account's JSON.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    store_keys = forms.CharField(
        label="Store key",
        max_length=10_000,
        required=False,
        help_text="Only of a store that its agents encrypt: name:key, as in HOLDFAST_STORE_KEYS.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def clean_store_keys(self) -> str:
        """Return keys that can be used, or say what is wrong with them."""
        text: str = self.cleaned_data["store_keys"]
        try:
            if text:
                Keyring.from_text(text)
        except checkpoints.PermanentStoreError as error:
            raise forms.ValidationError(f"{error}.") from None
        return text

    @property
    def credentials(self) -> Credentials:
        """What was entered, once it is valid."""
        names = ("user", "password", "store_keys")
        return Credentials(**{name: self.cleaned_data.get(name, "") for name in names})


class SourceForm(CredentialsForm):
    """Says where a store lies, and what opens it.

    A user and a password in the address are taken out of it, so that no page repeats them.
    """

    def __init__(
        self,
        data: QueryDict | None = None,
        *args: Any,
        projects: Sequence[Project] = (),
        **values: Any,
    ) -> None:
        super().__init__(data.copy() if data is not None else None, *args, **values)
        ask_for_project(self, projects)
        self.in_address = NONE
        if data is not None:
            self._take_apart()

    url = forms.CharField(
        label="Where is it?",
        max_length=4000,
        widget=forms.TextInput(
            attrs={
                "placeholder": "/data/agent.sqlite",
                "spellcheck": "false",
                "autocomplete": "off",
                "data-address": True,
            }
        ),
        help_text=(
            "A file or folder on the machine of this dashboard, or a server: "
            "/data/agent.sqlite · /data/checkpoints/ · postgresql://db.example.com/agents · "
            "redis://cache.example.com/0 · s3://bucket/agents"
        ),
    )
    name = forms.CharField(
        label="Name",
        max_length=200,
        required=False,
        help_text="As it is shown here; empty: the name of the file, folder or database.",
    )
    choice = forms.CharField(max_length=8000, required=False)

    @property
    def credentials(self) -> Credentials:
        """What was entered in the fields, or else stood in the address."""
        given = super().credentials
        return replace(
            given,
            user=given.user or self.in_address.user,
            password=given.password or self.in_address.password,
        )

    @property
    def is_server(self) -> bool:
        """Whether the address is a server's, which may want to know who asks."""
        return server_kind(str(self["url"].value() or "")) is not None

    def _take_apart(self) -> None:
        """Let the address that the page repeats hold no user and no password."""
        try:
            check_unspoken(self.data.get("url", ""))
            url, self.in_address = take_apart(self.data.get("url", ""))
        except AddressRefused as error:
            self.refused, url = str(error), ""
        self.data["url"] = url  # type: ignore[index]

    refused = ""

    def clean(self) -> dict[str, Any]:
        """Say why an address could not be taken apart."""
        if self.refused:
            self.errors.pop("url", None)
            self.add_error("url", self.refused)
        return self.cleaned_data


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
