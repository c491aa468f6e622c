"""Rules for what services refuse: conversations, limits, contents, the most telling first.

The wordings are those of the libraries and services themselves. No pattern repeats what repeats,
so that a hostile message costs no more than its length.
"""

from __future__ import annotations

from typing import Final

from checkpoints.recovery.classes import ErrorName as N
from checkpoints.recovery.rules.rule import Rule, rule

CONVERSATIONS: Final[tuple[Rule, ...]] = (
    rule(N.CORRUPTED_STATE, "messages? with '?role '?tool", "'tool_calls' must be followed by"),
    rule(
        N.CORRUPTED_STATE,
        r"tool_?result\W.{0,80}(tool_?use|exceeds the number)",
        r"tool_?use\W.{0,60}without.{0,20}tool_?result",
    ),
    rule(
        N.CORRUPTED_STATE,
        "tool_call_ids? did not have response",
        "no tool (call|output) found for",
        "function call.{0,30}must be followed",
    ),
    rule(
        N.CORRUPTED_STATE, "roles must alternate", "function response turn comes immediately after"
    ),
)
"""A conversation that no provider takes any more: calls without answers, answers without calls."""

LIMITS: Final[tuple[Rule, ...]] = (
    rule(
        N.DISK_FULL,
        "no space left",
        r"\bENOSPC\b",
        "disk (is )?full",
        "disk quota",
        r"\bEDQUOT\b",
        "file too large",
        r"\bEFBIG\b",
    ),
    rule(
        N.DISK_FULL,
        "read-?only file ?system",
        r"\bEROFS\b",
        "not enough (disk )?space",
        "insufficient (disk )?(space|storage)",
        "exceeded max_bytes",
        "storage.{0,12}(full|exceeded)",
        "could not extend file",
        "SQLITE_FULL",
    ),
    rule(
        N.QUOTA_EXHAUSTED,
        "insufficient_(quota|funds|credits?|balance)",
        "insufficient (balance|credits?|funds)",
        "credit balance",
        "out of credits?",
        "more credits",
        "no credits",
    ),
    rule(
        N.RATE_LIMIT,
        r"quota.{0,200}per[_ -]?(minute|second|min\b|sec\b)",
        "per[_ -]?(minute|second).{0,200}quota",
    ),
    rule(N.QUOTA_EXHAUSTED, "ServiceQuotaExceeded", "contact support to (request|increase)"),
    rule(
        N.CONTEXT_LENGTH,
        "request too large",
        named=(
            "APIStatus",
            "BadRequest",
            "RequestTooLarge",
            "413",
        ),
    ),
    rule(N.RATE_LIMIT, "(rate limit|limit).{0,120}(tokens|requests) per (min|day|sec|hour)"),
    rule(
        N.QUOTA_EXHAUSTED,
        "current quota",
        "plan and billing",
        "billing",
        "(spend(ing)?|monthly|hard|weekly|budget) ?(usage |spend )?limit",
        "payment required",
        "余额不足",
        "欠费",
        "arrear",
        "overdue",
    ),
    rule(
        N.QUOTA_EXHAUSTED,
        "quota ?exceeded",
        "exceeded (your |the )?.{0,30}quota",
        "budget (has been )?exceeded",
        "exceeded.{0,12}budget",
        r"usage limits?\b.{0,60}(regain|reset|reached your|plan)",
        "limit of on-demand tokens",
        "trial (has )?(expired|ended)",
    ),
    rule(
        N.CONTEXT_LENGTH,
        "context.{0,14}(length|window|size)",
        "maximum context",
        "(token|input|prompt).{0,10}(count|length).{0,40}exceeds",
    ),
    rule(
        N.CONTEXT_LENGTH,
        "(prompt|input|message|request|conversation)s?( is| are)? too (long|large)",
        "reduce the length",
        "maximum (number of|allowed) tokens",
        "too many (input )?tokens in",
        "input_tokens_limit",
        "exceeds? the (model'?s )?(maximum|max)[a-z ]{0,20}tokens",
        "string_above_max_length",
        "maximum allowed length",
    ),
    rule(
        N.RATE_LIMIT,
        "rate.{0,2}limit",
        "too many (requests|tokens|concurrent)",
        "throttl",
        "throughput ?exceeded",
        "request ?limit ?exceeded",
        "slow ?down",
        "request rate",
        "limit_requests",
        "concurrency limit",
        r"\bHTTP 429\b",
        "too frequent",
        "频率",
        "限流",
        "no deployments available",
    ),
)

REFUSALS: Final[tuple[Rule, ...]] = (
    rule(N.INVALID_REQUEST, "malformed (input )?request"),
    rule(
        N.OUTPUT_VALIDATION,
        "guardrail validation",
        "failed to call a function",
        "tool_use_failed",
        "did not call a tool",
        "failed_generation",
    ),
    rule(
        N.CONTENT_FILTER,
        "content.?(filter|management|policy|safety)",
        "tripwire",
        "guardrail",
        "usage polic",
        "safety (system|setting|filter|reason)",
        "moderation",
        "was (filtered|flagged)",
        "PROHIBITED_CONTENT",
        "RECITATION",
        "block_?reason",
        r"finish_?reason\W{1,4}SAFETY",
        "(egress|call|prompt|response|request|input|output)[ _](was |is )?blocked",
        "responsible.?ai",
        "refus(al|ed) (to answer|by the model)",
        "敏感",
    ),
    rule(
        N.PERMISSION,
        "key does not have permission",
        "does not have access to (the )?(model|project)",
        "access denied due to (virtual|network|firewall|ip)",
        "country, region",
        "not supported in your (country|region)",
        "location is not supported",
    ),
    rule(
        N.NOT_FOUND,
        "model.{0,80}(does not exist|not found|not exist)",
        "model.{0,80}has been (deprecated|decommissioned|removed|retired)",
        "model_not_found",
        "decommissioned",
    ),
    rule(
        N.AUTH,
        r"(api[ _-]?key|token|credentials?)\W.{0,40}(must be|not) (set|provided|passed|found)",
    ),
    rule(N.AUTH, r"(token|signature|credential|session)s?\b.{0,60}expired", "expired ?token"),
    rule(
        N.CONFIG,
        "(?-i:^'?[A-Z][A-Z0-9]+_[A-Z0-9_]+'?$)",
        "environment variable",
        "profile .{0,60}(could not be|not) found",
    ),
    rule(
        N.INVALID_REQUEST,
        "is required when authenticating",
        "(required|missing) (header|query|body|request) param",
        "header mismatch",
    ),
)
