"""Decoding of bodies that other frameworks wrote, without running anything found in them.

LangGraph's msgpack carries extension types that name classes and functions; its own decoder
imports and calls them. Here each becomes ``{"__type__": "module.Name", "value": …}``. JSON
constructors (``lc``) are described the same way, pickles and encrypted bodies are named, and
nothing is ever imported.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

import ormsgpack

from checkpoints.bodies.limits import check_json, check_msgpack
from checkpoints.errors import CorruptCheckpoint

Scalar = str | int | float | bool | None

TYPE: Final = "__type__"
VALUE: Final = "value"

_CONSTRUCTORS = frozenset({0, 1, 2, 4, 5})
_METHOD = 3
_CALLS = _CONSTRUCTORS | {_METHOD}
_ARGUMENT = 2
"""Where the argument stands behind the names of a module and of a class."""
_NUMPY = 6
DELTA_SNAPSHOT: Final = 7
_PLAIN_METHODS = frozenset({"fromisoformat"})
_DELTA_TYPE = "langgraph.checkpoint.serde.types._DeltaSnapshot"
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_WORD = re.compile(r"[-+.\w]*")
_OPTION = ormsgpack.OPT_NON_STR_KEYS
_ENDS_EARLY = "unexpected end of file"
"""What ormsgpack says of data that ends before its last value does."""


class CutOff(CorruptCheckpoint):
    """A body ends before its last value does."""


def described(type_name: str, value: Any) -> dict[str, Any]:
    """Name a value that only its own code could build, and show what it holds."""
    return {TYPE: type_name, VALUE: value}


def decode_typed(type_name: str | None, data: bytes) -> Any:
    """Decode a typed value of a LangGraph store into what can be shown.

    Raises CorruptCheckpoint for damaged bytes and for values past the limits. Pickled, encrypted
    and unknown values come described, their bytes as they are.
    """
    if type_name in ("null", "empty", None):
        return None
    if type_name in ("bytes", "bytearray"):
        return bytes(data)
    if type_name == "msgpack":
        return presentable(unpack(data))
    if type_name == "json":
        return decode_json(data)
    return described(type_name or "unknown", bytes(data))


def why_unreadable(type_name: str | None) -> str | None:
    """Say why a body of this type cannot be read, or return ``None``."""
    if type_name in ("msgpack", "json"):
        return None
    if type_name == "pickle":
        return "blocked: the body is a pickle, which could run code; it is never loaded"
    if type_name and "+" in type_name:
        return f"encrypted ({type_name}): only the agent's key can open it"
    return f"the body has the type {type_name!r}, which is not known"


def unpack(data: bytes) -> Any:
    """Decode msgpack with extension types described. Map keys may be other than strings.

    Raises CorruptCheckpoint for damaged bytes and for values past the limits.
    """
    check_msgpack(data)
    return _unpack(data)


def _unpack(data: bytes) -> Any:
    try:
        return ormsgpack.unpackb(data, ext_hook=_describe_extension, option=_OPTION)
    except (ValueError, RecursionError) as error:
        kind = CutOff if str(error) == _ENDS_EARLY else CorruptCheckpoint
        raise kind(f"the body is not valid msgpack: {error}") from error


def _describe_extension(code: int, payload: bytes) -> dict[str, Any]:
    try:
        return _describe(code, payload)
    except (CorruptCheckpoint, LookupError, TypeError, ValueError):
        return described(f"msgpack.ext.{code}", bytes(payload))


def _describe(code: int, payload: bytes) -> dict[str, Any]:
    """Describe one extension; raises when its payload does not have the form its code promises."""
    if code == DELTA_SNAPSHOT:
        return described(_DELTA_TYPE, _unpack(payload))
    if code == _NUMPY:
        dtype, shape, order, data = _unpack(payload)
        return described(
            "numpy.ndarray",
            {"dtype": dtype, "shape": shape, "order": order, "data": data},
        )
    if code in _CONSTRUCTORS:
        module, name, argument = _unpack(payload)[:3]
        return described(f"{module}.{name}", argument)
    if code == _METHOD:
        module, name, argument, method = _unpack(payload)
        suffix = "" if method in _PLAIN_METHODS else f".{method}"
        return described(f"{module}.{name}{suffix}", argument)
    return described(f"msgpack.ext.{code}", bytes(payload))


class Extension:
    """An extension type of msgpack, kept as it is."""

    __slots__ = ("code", "data")

    def __init__(self, code: int, data: bytes) -> None:
        self.code = code
        self.data = data


def unpack_for_rewriting(data: bytes) -> Any:
    """Decode msgpack with each extension kept as it is, to be packed again by :func:`repack`.

    Raises CorruptCheckpoint when packing it again would not give the same bytes.
    """
    check_msgpack(data)
    return _unpack_for_rewriting(data)


def unpack_as_it_is(data: bytes) -> Any:
    """Decode msgpack with each extension kept as it is. Raises CorruptCheckpoint."""
    check_msgpack(data)
    try:
        return ormsgpack.unpackb(data, ext_hook=Extension, option=_OPTION)
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptCheckpoint(f"the body is not valid msgpack: {error}") from error


def _unpack_for_rewriting(data: bytes) -> Any:
    try:
        value = ormsgpack.unpackb(data, ext_hook=Extension, option=_OPTION)
        same = repack(value) == data
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptCheckpoint(f"the body is not valid msgpack: {error}") from error
    if not same:
        raise CorruptCheckpoint("the body cannot be rewritten without changing other parts of it")
    return value


def repack(value: Any) -> bytes:
    """Encode what :func:`unpack_for_rewriting` returned. Raises TypeError for other types."""
    return ormsgpack.packb(value, default=_as_it_was, option=_OPTION)


def _as_it_was(value: Any) -> ormsgpack.Ext:
    if isinstance(value, Extension):
        return ormsgpack.Ext(value.code, value.data)
    raise TypeError(f"a {type(value).__name__} cannot be encoded")


def argument_of(extension: Extension) -> Any:
    """Return what the agent's code is given to build an extension; those in it are kept.

    It is what :func:`unpack` shows as the extension's value. Raises CorruptCheckpoint for one
    that cannot be rewritten.
    """
    return _call(extension)[_ARGUMENT]


def with_argument(extension: Extension, argument: Any) -> Extension:
    """Return an extension that is built the same way from another argument."""
    call = _call(extension)
    call[_ARGUMENT] = argument
    return Extension(extension.code, repack(call))


def _call(extension: Extension) -> list[Any]:
    call = _unpack_for_rewriting(extension.data) if extension.code in _CALLS else None
    if not isinstance(call, list) or len(call) <= _ARGUMENT:
        raise CorruptCheckpoint(f"the extension type {extension.code} cannot be rewritten")
    return call


def presentable(value: Any) -> Any:
    """Give maps with other keys than strings a form that JSON-like readers understand.

    Such a map becomes ``{"__type__": "builtins.dict", "value": [[key, value], …]}``, so that no
    two keys fall together.
    """
    if isinstance(value, Mapping):
        return _presentable_map(value)
    if isinstance(value, (list, tuple)):
        return [presentable(item) for item in value]
    return value


def _presentable_map(value: Mapping[Any, Any]) -> dict[str, Any]:
    if all(isinstance(key, str) for key in value):
        return {key: presentable(item) for key, item in value.items()}
    pairs = [[presentable(key), presentable(item)] for key, item in value.items()]
    return described("builtins.dict", pairs)


def scalars(values: Mapping[str, Any]) -> dict[str, Scalar]:
    """Return the plain values of a map; numbers that JSON or 64 bits cannot carry become text."""
    return {key: _storable(value) for key, value in values.items() if _is_scalar(value)}


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _storable(value: Any) -> Scalar:
    wide = isinstance(value, int) and value.bit_length() > 63
    odd = isinstance(value, float) and not math.isfinite(value)
    return str(value) if wide or odd else value


def step_number(value: Any) -> int | None:
    """Return a step's number, or ``None`` for what cannot be one."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 32:
        return value
    return None


def decode_json(data: bytes) -> Any:
    """Decode JSON within the limits, with ``lc`` constructors described.

    Raises CorruptCheckpoint for what is not JSON and for values past the limits.
    """
    check_json(data)
    try:
        value = json.loads(data, object_hook=_describe_constructor)
    except (ValueError, RecursionError) as error:
        kind = CutOff if _is_cut_off(error) else CorruptCheckpoint
        raise kind(f"the body is not valid JSON: {error}") from error
    return _without_surrogates(value) if _SURROGATE.search(data) else value


def _is_cut_off(error: Exception) -> bool:
    """Say whether JSON was well so far, and ends in the middle of a value."""
    if isinstance(error, UnicodeDecodeError):
        return error.reason == "unexpected end of data"
    if not isinstance(error, json.JSONDecodeError) or not error.pos:
        return False
    rest = error.doc[error.pos :].strip()
    return error.msg.startswith("Unterminated string") or _WORD.fullmatch(rest) is not None


def _without_surrogates(value: Any) -> Any:
    """Replace halves of surrogate pairs: no encoding can carry them to a reader."""
    if isinstance(value, str):
        return _HALF_PAIR.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return [_without_surrogates(item) for item in value] if isinstance(value, list) else value


def _describe_constructor(value: dict[str, Any]) -> dict[str, Any]:
    name = value.get("id")
    if "lc" not in value or "type" not in value or not isinstance(name, list):
        return value
    arguments = value.get("kwargs") or value.get("args")
    return described(".".join(map(str, name)), arguments)
