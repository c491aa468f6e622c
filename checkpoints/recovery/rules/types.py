"""Rules by an error's type alone, where its message said nothing."""

from __future__ import annotations

from typing import Final

from checkpoints.recovery.classes import ErrorName as N
from checkpoints.recovery.rules.rule import Rule, rule

_TOOLS: Final = (
    "McpError",
    "GitCommand",
    "StaleElement",
    "NoSuchElement",
    "ElementNot",
    "ToolException",
)

TELLING: Final[tuple[Rule, ...]] = (
    rule(
        N.CODE_BUG,
        named=(
            "InvalidUpdate",
            "InvalidConcurrentGraphUpdate",
            "NodeInvalid",
            "UnreachableNode",
        ),
    ),
    rule(
        N.CODE_BUG,
        "event loop is (closed|already running)",
        "already running asyncio",
        "not (json )?serializable",
        "can'?t pickle",
        "cannot pickle",
        "was never awaited",
        "coroutine",
    ),
    rule(
        N.CODE_BUG,
        named=(
            r"^(builtins\.)?(Attribute|Index|Name|UnboundLocal|Assertion|Syntax|Indentation|ZeroDivision|NotImplemented|StopIteration)\w*(Error|Iteration)?$",
        ),
    ),
    rule(
        N.CODE_BUG,
        "function .{0,60}not found",
        r"takes \d+ positional",
        "unexpected keyword argument",
        r"missing \d+ required positional",
        "object (has no attribute|is not (callable|subscriptable|iterable))",
        "unsupported operand",
        "empty sequence",
        "not enough values to unpack",
        "too many values to unpack",
        "is not an integer",
        "invalid stream id",
        "was expected, got",
        "format: a",
        "list index",
        "wrong number of arguments",
        "unknown command",
    ),
    rule(N.TIMEOUT, "timed? ?out", named=_TOOLS),
    rule(N.TOOL_ERROR, named=_TOOLS),
    rule(
        N.OUTPUT_VALIDATION,
        named=(
            "JSONDecode",
            "OutputParser",
            "ModelBehavior",
            "jsonschema",
            r"pydantic\w*\..*Validation",
        ),
    ),
    rule(
        N.CONTENT_FILTER,
        named=(
            "ContentFilter",
            "ContentPolicy",
            "Guardrail",
            "Blocked",
            "Refusal",
            "Moderation",
            "Safety",
        ),
    ),
    rule(
        N.CONTEXT_LENGTH,
        named=(
            "ContextWindow",
            "ContextLength",
            "ContextOverflow",
        ),
    ),
    rule(
        N.LOOP_LIMIT,
        named=(
            "GraphRecursion",
            "MaxTurns",
            "MaxSteps",
            "MaxIterations",
            "UsageLimit",
            "LimitExceededError$",
            "RecursionError",
            "StepLimit",
        ),
    ),
    rule(
        N.QUOTA_EXHAUSTED,
        named=(
            "BudgetExceeded",
            "QuotaExceeded",
            "InsufficientQuota",
            "ServiceQuota",
        ),
    ),
    rule(N.DISK_FULL, named=("DiskFull",)),
    rule(
        N.INTERRUPTED,
        named=(
            "SystemExit",
            "KeyboardInterrupt",
            "Cancel(l)?ed",
            "WorkerLost",
            "BrokenProcessPool",
            "WorkerTerminat",
            "Preempt",
            "Evict",
            "WorkerCrash",
            "WorkflowInterrupt",
            "NodeInterrupt",
            "Shutdown",
        ),
    ),
    rule(
        N.MEMORY_OOM,
        named=(
            "MemoryError",
            "OutOfMemory",
            "OOM(Kill|Error|$)",
        ),
    ),
    rule(
        N.TIMEOUT,
        named=(
            "SoftTimeLimit",
            "ExecutionTimeout",
        ),
    ),
    rule(
        N.RESOURCE_EXHAUSTED,
        named=(
            "Pool(Timeout|Exhausted|Full)",
            "TooManyConnections",
        ),
    ),
    rule(N.CODE_BUG, "running event loop"),
    rule(
        N.CONCURRENCY_CONFLICT,
        named=(
            "WatchError",
            "StaleData",
        ),
    ),
)
"""Types that outweigh what their message says in passing."""

GENERAL: Final[tuple[Rule, ...]] = (
    rule(
        N.RATE_LIMIT,
        named=(
            "RateLimit",
            "TooManyRequests",
            "Throttl",
            "SlowDown",
        ),
    ),
    rule(
        N.TIMEOUT,
        named=(
            "Time(d)?[_]?out",
            "DeadlineExceeded",
            "QueryCancel",
            "TimeLimit",
        ),
    ),
    rule(
        N.CONCURRENCY_CONFLICT,
        named=(
            "HeadMoved",
            "Conflict",
            "FileExists",
            "AlreadyExists",
            "Aborted",
            "Concurrent",
            "StaleData",
            "InUse",
            "Dedup",
            "Locked",
        ),
    ),
    rule(
        N.CORRUPTED_STATE,
        named=(
            "Corrupt",
            "Unpickling",
            "BadGzip",
            "BadZip",
            r"zlib\.error",
            "EOFError",
            "UnicodeDecode",
            "Integrity(Check|Stamp)",
            "binascii",
            r"struct\.error",
            r"tarfile\.ReadError",
            "InvalidTag",
            "Seriali[sz]ation",
            "Deseriali[sz]",
            "PicklingError",
            "lzma",
            "Nondetermin",
        ),
    ),
    rule(
        N.AUTH,
        named=(
            "Authent",
            "Credential",
            "Unauthori[sz]ed",
        ),
    ),
    rule(
        N.PERMISSION,
        named=(
            "Permission",
            "Forbidden",
            "AccessDenied",
            "InsufficientPrivilege",
            "NotAuthorized",
        ),
    ),
    rule(
        N.NOT_FOUND,
        named=(
            "NotFound",
            "NoSuch",
            "DoesNotExist",
            "NotADirectory",
            "IsADirectory",
            "LookupError$",
        ),
    ),
    rule(
        N.TOOL_ERROR,
        named=(
            "CalledProcess",
            "ToolE",
            "ToolException",
            "McpError",
            "ContainerError",
            "GitCommand",
            "selenium",
            "playwright",
            "WebDriver",
            "subprocess",
        ),
    ),
    rule(
        N.SERVER_ERROR,
        named=(
            "InternalServer",
            "ServiceUnavailable",
            "BadGateway",
            "Overloaded",
            "APIError$",
            "ServerError",
        ),
    ),
    rule(
        N.NETWORK,
        named=(
            "Connect",
            "RemoteProtocol",
            "Socket",
            "gaierror",
            "BrokenPipe",
            "SSLError",
            "ProtocolError",
            "ReadError",
            "IncompleteRead",
            "Disconnected",
            "Transport",
            "URLError",
            "ClosedResource",
        ),
    ),
    rule(
        N.DB_TRANSIENT,
        named=(
            "TransientStoreError",
            "OperationalError",
            "InterfaceError",
            "ReadOnly",
            "ClusterDown",
            "BusyLoading",
            "LockNotAvailable",
            "Deadlock",
            "Serialization",
            "AutoReconnect",
            "NotPrimary",
        ),
    ),
    rule(
        N.DB_PERMANENT,
        named=(
            "IntegrityError",
            "ProgrammingError",
            "PermanentStoreError",
            "DataError",
            "Violation",
            "Undefined(Table|Column)",
            "DuplicateKey",
            "WriteError",
            "NotSupportedError",
        ),
    ),
    rule(
        N.CONFIG,
        named=(
            "ModuleNotFound",
            "ImportError",
            "Config",
            "Settings",
            "ImproperlyConfigured",
            "ProfileNotFound",
            "Environment",
        ),
    ),
    rule(
        N.LOOP_LIMIT,
        named=(
            "Recursion",
            "LimitExceeded",
        ),
    ),
    rule(
        N.OUTPUT_VALIDATION,
        named=(
            "Validat",
            "Parse(r)?Error",
            "Pars(ing|er)Exception",
        ),
    ),
    rule(
        N.INVALID_REQUEST,
        named=(
            "BadRequest",
            "InvalidArgument",
            "InvalidRequest",
            "InvalidSchema",
            "MissingSchema",
            "InvalidURL",
            "UnsupportedState",
            "UnprocessableEntity",
            "InvalidParameter",
        ),
    ),
    rule(
        N.CODE_BUG,
        named=(
            r"(^|\.)(Attribute|Index|Key|Name|UnboundLocal|Type|Value|Assertion|Syntax|NotImplemented|ZeroDivision|Arithmetic|Overflow)Error$",
            "InvalidUpdate",
        ),
    ),
)
