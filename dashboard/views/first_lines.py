"""The five lines that report a first checkpoint, with the reader's own address in place."""

from __future__ import annotations

from django.http import HttpRequest

NOT_MADE_YET = "your token"


def five_lines(request: HttpRequest, token: str = NOT_MADE_YET) -> str:
    """Return them for this dashboard and, where one is known, a token."""
    address = request.build_absolute_uri("/").rstrip("/")
    return "\n".join(
        (
            "import os, checkpoints",
            f'os.environ["HOLDFAST_DASHBOARD_URL"] = "{address}"',
            f'os.environ["HOLDFAST_TOKEN"] = "{token}"',
            'with checkpoints.CheckpointManager("my-agent") as manager:',
            '    manager.create_checkpoint(state={"step": 1, "notes": ["hello"]})',
        )
    )
