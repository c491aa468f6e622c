"""Each event is one clean line, and none of it is a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from dashboard.logs import HIDDEN, logging_settings

SECRET = "hf_0123456789ab_" + "s3cr3t" * 7


Written = Callable[[], list[str]]


@pytest.fixture
def written() -> Iterator[Written]:
    """Return a function that returns the lines which were logged."""
    formatter = dict(logging_settings(level="INFO", json=True)["formatters"]["lines"])
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter.pop("()")(**formatter))
    logger = logging.getLogger("anything")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: stream.getvalue().splitlines()
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    "text",
    [
        f"token {SECRET}",
        f"Authorization: Bearer {SECRET}",
        "Authorization: Bearer s3cr3t-of-another-kind",
        "GET /login/s3cr3tLinkToken/ 302",
        "postgresql://user:s3cr3t@host/name",
        "password=s3cr3t&user=ada",
        '{"password": "s3cr3t"}',
    ],
)
def test_secrets_are_hidden(written: Written, text: str) -> None:
    logging.getLogger("anything").warning(text)

    (line,) = written()
    assert "s3cr3t" not in line
    assert HIDDEN in line


def test_a_field_named_like_a_secret_is_hidden(written: Written) -> None:
    structlog.get_logger("anything").info("made", token="s3cr3t", password="s3cr3t")

    (line,) = written()
    assert "s3cr3t" not in line


def test_an_id_with_control_characters_is_one_line(written: Written) -> None:
    evil = "agent\n2026 level=error forged\x1b[31m\r\0\u2028end"

    structlog.get_logger("anything").info("saved", agent=evil)
    logging.getLogger("anything").info("saved %s", evil)

    lines = written()
    assert len(lines) == 2
    for line in lines:
        text = " ".join(map(str, json.loads(line).values()))
        assert not set(text) & set("\n\r\x1b\0\u2028")


def test_a_traceback_is_one_line_without_secrets(written: Written) -> None:
    try:
        int(f"wrong token={SECRET}")
    except ValueError:
        logging.getLogger("anything").exception("it failed")

    (line,) = written()
    assert "ValueError" in line
    assert "s3cr3t" not in line
