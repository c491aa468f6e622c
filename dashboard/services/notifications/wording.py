"""Words that leave the house: without control characters, secrets or calls to everybody. Pure."""

from __future__ import annotations

import re
import unicodedata

HIDDEN = "[hidden]"
TITLE_CHARACTERS = 200
_UNWANTED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):[^\s/@]*@")
_SECRETS = (
    re.compile(r"\bhf_[0-9a-f]{12}_[A-Za-z0-9_-]{20,}", re.ASCII),
    re.compile(r"\bwhsec_[A-Za-z0-9+/=]{8,}", re.ASCII),
    re.compile(r"\bsk-[A-Za-z0-9_-]{16,}", re.ASCII),
    re.compile(r"\bAKIA[0-9A-Z]{16}\b", re.ASCII),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20,}", re.ASCII),
    re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}", re.ASCII),
    re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*", re.ASCII),
    re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{12,}"),
)
_NAMED = re.compile(
    r"(?i)\b(pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key)(\"?\s*[:=]\s*\"?)"
    r"[^\s\"',;]{3,}"
)
_CALLS = re.compile(r"@(?=everyone\b|here\b|channel\b|all\b|room\b)|<(?=[!@#])", re.IGNORECASE)
_STOP = "\u200b"


def line(text: str, most: int = TITLE_CHARACTERS) -> str:
    """Return a text on one line, of so many characters at most."""
    return shortened(" ".join(_kept(_without_secrets(text)).split()), most)


def paragraph(text: str, most: int) -> str:
    """Return a text whose lines stay apart, of so many characters at most."""
    lines = (" ".join(_kept(part).split()) for part in _without_secrets(text).split("\n"))
    return shortened("\n".join(lines).strip(), most)


def shortened(text: str, most: int) -> str:
    """Cut a text that is too long, and show that it is."""
    return text if len(text) <= most else f"{text[: max(0, most - 1)].rstrip()}…"


def uncalling(text: str) -> str:
    """Return a text that calls nobody in a chat, whatever an agent is called."""
    return _CALLS.sub(lambda match: f"{match.group()}{_STOP}", text)


def _kept(text: str) -> str:
    """Put a space where a character is one that steers instead of saying something."""
    return "".join(" " if unicodedata.category(c) in _UNWANTED else c for c in text)


def _without_secrets(text: str) -> str:
    text = _PASSWORD.sub(r"\1@", text)
    for secret in _SECRETS:
        text = secret.sub(HIDDEN, text)
    return _NAMED.sub(rf"\1\2{HIDDEN}", text)
