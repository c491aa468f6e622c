"""What people type in about notifications: a channel, and what it is told of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from typing import Any

from django import forms

from dashboard.forms import ask_for_project
from dashboard.models import ChannelKind, Project, Severity
from dashboard.models.notifications import MOST_PER_HOUR, PER_HOUR

SEVERITIES = (
    (Severity.LOW.value, "low and above"),
    (Severity.MEDIUM.value, "medium and above"),
    (Severity.HIGH.value, "high only"),
)
KIND_CHOICES = (
    (ChannelKind.EMAIL.value, "E-mail"),
    (ChannelKind.WEBHOOK.value, "Webhook"),
    (ChannelKind.SERVICE.value, "Slack, PagerDuty and other services"),
)


class RuleForm(forms.Form):
    """Says what a channel is told of, and when not."""

    severity = forms.ChoiceField(label="Severity", choices=SEVERITIES, initial="medium")
    kinds = forms.MultipleChoiceField(
        label="Of what",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: of all.",
    )
    agents = forms.CharField(
        label="Agents",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
        help_text="A pattern such as crawler-*; empty: what is about any agent, or about none.",
    )
    quiet_from = forms.TimeField(
        label="Quiet from",
        required=False,
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    quiet_until = forms.TimeField(
        label="Until",
        required=False,
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    time_zone = forms.CharField(
        label="Time zone",
        max_length=60,
        initial="UTC",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
        help_text="Such as Europe/Berlin. What happens in quiet hours comes as one digest after.",
    )
    high_passes = forms.BooleanField(
        label="High severity is told in quiet hours too", required=False, initial=True
    )
    remind_hours = forms.IntegerField(
        label="Remind every so many hours",
        required=False,
        min_value=1,
        max_value=24 * 14,
        help_text="Until it is acknowledged or over. Empty: no reminders.",
    )

    def __init__(self, *args: Any, kinds: Sequence[tuple[str, str]], **values: Any) -> None:
        super().__init__(*args, **values)
        self.fields["kinds"].choices = kinds  # type: ignore[attr-defined]

    @property
    def wanted(self) -> dict[str, Any]:
        """What a valid form says, as a rule keeps it."""
        values = self.cleaned_data
        names = ("severity", "agents", "time_zone", "high_passes", "remind_hours")
        return {
            **{name: values[name] for name in names},
            "kinds": tuple(values["kinds"]),
            "quiet_from": _minute(values["quiet_from"]),
            "quiet_until": _minute(values["quiet_until"]),
        }


class ChannelForm(forms.Form):
    """Says where messages go. What opens it is never written into a page again."""

    name = forms.CharField(label="Name", max_length=100, help_text="As it is called here.")
    address = forms.CharField(
        label="Address",
        max_length=4_000,
        widget=forms.Textarea(
            attrs={"rows": 2, "spellcheck": "false", "autocomplete": "off", "class": "mono"}
        ),
    )
    per_hour = forms.IntegerField(
        label="Messages an hour at most",
        min_value=1,
        max_value=MOST_PER_HOUR,
        initial=PER_HOUR,
        help_text="What is more waits, and comes as one message that counts it.",
    )

    @property
    def wanted(self) -> dict[str, Any]:
        """What a valid form says of the channel."""
        names = ("name", "kind", "address", "secret", "per_hour")
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}


class NewChannelForm(ChannelForm):
    """Adds a channel to a project."""

    field_order = ("project_id", "kind", "name", "address", "per_hour")
    kind = forms.ChoiceField(
        label="By", choices=KIND_CHOICES, initial="email", widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, projects: Sequence[Project] = (), **values: Any) -> None:
        super().__init__(*args, **values)
        self.fields["address"].help_text = (
            "E-mail: addresses, separated by commas. Webhook: https://hooks.example.com/path. "
            "Service: its own webhook's address, or a URL as Apprise writes it, such as "
            "slack://… or pagerduty://…. It is kept sealed and not shown again."
        )
        ask_for_project(self, projects)


class ChangeChannelForm(ChannelForm):
    """Changes a channel; where no address is entered, the one that is kept stays."""

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self.fields["address"].required = False
        self.fields["address"].label = "Another address"
        self.fields["address"].help_text = "Empty: the one that is kept, which is not shown."


def rule_values(rule: Any) -> dict[str, Any]:
    """Return a rule as the form shows it."""
    names = ("severity", "kinds", "agents", "time_zone", "high_passes", "remind_hours")
    return {
        **{name: getattr(rule, name) for name in names},
        "quiet_from": _time(rule.quiet_from),
        "quiet_until": _time(rule.quiet_until),
    }


def _minute(at: time | None) -> int | None:
    return None if at is None else at.hour * 60 + at.minute


def _time(minute: int | None) -> time | None:
    return None if minute is None else time(*divmod(minute, 60))
