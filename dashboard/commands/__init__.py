"""The commands that the dashboard adds to ``holdfast``.

Django is set up within a command, after its options are in the environment: settings are read
once, and ``holdfast list`` must not pay for them.
"""

from __future__ import annotations

from importlib.util import find_spec

import typer

from dashboard.commands import (
    audit,
    drift,
    drills,
    instance,
    notifications,
    operations,
    people,
    quotas,
    sources,
)


def register(app: typer.Typer) -> None:
    """Add the dashboard's commands to ``app``. Raises ModuleNotFoundError without Django."""
    if find_spec("django") is None:
        raise ModuleNotFoundError("No module named 'django'", name="django")
    for command in (instance.up, instance.web, instance.worker, instance.reconcile):
        app.command()(command)
    app.command("login-link")(people.login_link)
    app.add_typer(people.tokens, name="token")
    app.add_typer(audit.commands, name="audit")
    app.add_typer(operations.commands, name="operations")
    app.add_typer(sources.commands, name="sources")
    app.add_typer(drills.commands, name="drills")
    app.add_typer(drift.commands, name="drift")
    app.add_typer(quotas.commands, name="quota")
    app.add_typer(notifications.commands, name="notifications")
