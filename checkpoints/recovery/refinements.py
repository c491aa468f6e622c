"""What the words of one error change in the advice for its class."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from checkpoints.records import Strategy
from checkpoints.recovery.classes import (
    ESCALATE,
    GENERATION,
    ITERATION,
    MODIFY,
    RESTART,
    RESTORE,
    RETRY,
    SKIP,
    ErrorClass,
)
from checkpoints.recovery.classes import ErrorName as N


@dataclass(frozen=True, slots=True)
class _Refinement:
    name: N
    pattern: re.Pattern[str]
    strategies: tuple[Strategy, ...]
    transient: bool
    why: str


def _when(
    name: N, pattern: str, strategies: Sequence[Strategy], why: str, *, transient: bool
) -> _Refinement:
    compiled = re.compile(pattern, re.IGNORECASE)
    return _Refinement(name, compiled, tuple(strategies), transient, why)


_REFINEMENTS: Final = (
    _when(
        N.NETWORK,
        r"WRONG_VERSION_NUMBER|unsupported protocol|no connection adapters",
        (RETRY, ITERATION, ESCALATE),
        "the other side does not speak this protocol; the same call fails again",
        transient=False,
    ),
    _when(
        N.NETWORK,
        r"RetryError",
        (MODIFY, ITERATION, ESCALATE),
        "the client has tried often enough by itself: change something first",
        transient=True,
    ),
    _when(
        N.SERVER_ERROR,
        r"consecutive|retry limit|after \d+ (retries|attempts)",
        (MODIFY, SKIP, ESCALATE),
        "tries are spent: another model or endpoint",
        transient=True,
    ),
    _when(
        N.RATE_LIMIT,
        r"request too large|single request|Used 0, Requested",
        (MODIFY, RETRY, ITERATION),
        "one request alone is over the limit: make it smaller",
        transient=True,
    ),
    _when(
        N.TIMEOUT,
        r"SoftTimeLimit|execution time|execution timed out|Locator\.|waiting for",
        (MODIFY, RETRY, ITERATION),
        "the same work takes as long again: more time or less work",
        transient=True,
    ),
    _when(
        N.TOOL_ERROR,
        r"SIGKILL|SIGSEGV|died with",
        (MODIFY, RETRY, RESTORE),
        "the tool was killed, often for its memory: give it less",
        transient=True,
    ),
    _when(
        N.TOOL_ERROR,
        r"^\S*(Mcp|MCP)Error: No |FAILED tests|CONFLICT \(content\)|invalid input",
        (MODIFY, SKIP, GENERATION),
        "the tool did its work and says no: other arguments",
        transient=False,
    ),
    _when(
        N.MEMORY_OOM,
        r"maxmemory",
        (ESCALATE, MODIFY, RETRY),
        "the server's memory is full: a person frees or adds some",
        transient=False,
    ),
    _when(
        N.OUTPUT_VALIDATION,
        r"retries|guardrail",
        (MODIFY, GENERATION, SKIP),
        "generating again was tried already: change the prompt or the demand",
        transient=True,
    ),
    _when(
        N.RESOURCE_EXHAUSTED,
        r"EADDRINUSE|address already in use|max_\w+ exhausted",
        (MODIFY, ESCALATE, RESTART),
        "waiting does not free it: another address or limit",
        transient=True,
    ),
    _when(
        N.CONCURRENCY_CONFLICT,
        r"already in (use|progress)(?!.*status PENDING)",
        (MODIFY, RETRY, ESCALATE),
        "another holds this name: an id of its own, or wait for the other",
        transient=True,
    ),
    _when(
        N.CONCURRENCY_CONFLICT,
        r"deduplicated|status (PENDING|SUCCESS)",
        (SKIP, MODIFY, RETRY),
        "it is done or being done already",
        transient=False,
    ),
    _when(
        N.INTERRUPTED,
        r"status 137|signal: Killed|OOMKill",
        (MODIFY, RESTORE, RESTART),
        "it was killed, mostly for its memory: resume with less at once",
        transient=True,
    ),
    _when(
        N.LOOP_LIMIT,
        r"did not (pass|converge)|verif",
        (MODIFY, GENERATION, SKIP),
        "more of the same does not pass: change the demand or the prompt",
        transient=False,
    ),
    _when(
        N.LOOP_LIMIT,
        r"tokens?_limit|budget",
        (ESCALATE, MODIFY, RESTORE),
        "the budget of the run is spent: a person decides about more",
        transient=False,
    ),
    _when(
        N.CONTENT_FILTER,
        r"InputGuardrail",
        (ESCALATE, MODIFY, SKIP),
        "the input itself is refused: a person looks at it",
        transient=False,
    ),
    _when(
        N.CONTENT_FILTER,
        r"OutputGuardrail",
        (GENERATION, MODIFY, SKIP),
        "what was generated is refused: generate again",
        transient=False,
    ),
    _when(
        N.CORRUPTED_STATE,
        r"start a new run",
        (RESTART, ESCALATE, RESTORE),
        "the library does not take up this state: begin anew",
        transient=False,
    ),
    _when(
        N.CORRUPTED_STATE,
        r"allow_\w+=|requires schema|schema version|unsupported \w+ version",
        (MODIFY, RESTORE, ESCALATE),
        "the state is of another version or form: read it with what wrote it",
        transient=False,
    ),
)
_NO_JSON_FROM_A_TOOL: Final = re.compile(r"Expecting value: line 1 column 1 \(char 0\)")


def refined(
    found: ErrorClass,
    error_type: str,
    message: str,
    *,
    step: str | None = None,
) -> ErrorClass:
    """Return the class with the advice that fits this error better, if its words say so."""
    text = f"{error_type}: {message}"
    if found.name is N.OUTPUT_VALIDATION and _is_a_tools_answer(error_type, message, step):
        why = "a tool answered with something that is no JSON: ask it again"
        return dataclasses.replace(found, strategies=(RETRY, MODIFY, SKIP), why=why)
    for one in _REFINEMENTS:
        if one.name is found.name and one.pattern.search(text):
            return dataclasses.replace(
                found, strategies=one.strategies, transient=one.transient, why=one.why
            )
    return found


def _is_a_tools_answer(error_type: str, message: str, step: str | None) -> bool:
    if "JSONDecode" not in error_type or not _NO_JSON_FROM_A_TOOL.search(message):
        return False
    return "tool" in (step or "") or "requests" in error_type or "httpx" in error_type
