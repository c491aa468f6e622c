"""Refusing at once what no manager can be made of, before anything is opened or saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checkpoints.hooks import HookManager


def check_arguments(
    agent_id: object,
    thread: object,
    hooks: object,
    capture: Callable[..., Any] | None,
    apply: Callable[..., Any] | None,
) -> None:
    """Raise TypeError naming the first argument that is not what it must be."""
    for name, text in (("agent_id", agent_id), ("thread", thread)):
        if not isinstance(text, str):
            raise TypeError(f"{name} is a text, not {text!r}")
    if hooks is not None and not isinstance(hooks, HookManager):
        raise TypeError(
            f"hooks is a HookManager, not {hooks!r}; register functions with HookManager.register"
        )
    for name, function in (("capture", capture), ("apply", apply)):
        if function is not None and not callable(function):
            raise TypeError(f"{name} is a function, not {function!r}")
