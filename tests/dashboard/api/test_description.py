"""The description: every endpoint, every problem and an example of each that fits."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from dashboard.api.app import api
from dashboard.api.descriptions import ENDPOINTS, EVERYWHERE, example_of
from dashboard.problems import CODES
from dashboard.views import errors

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "api.md"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The description as programs get it."""
    found: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/")))
    return found


def operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in schema["paths"].values():
        yield from methods.values()


def contents(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every body and answer that has one, with a name for it."""
    for operation in operations(schema):
        name = operation["operationId"]
        if body := operation.get("requestBody"):
            yield f"{name} takes", body["content"]["application/json"]
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                yield f"{name} {status}", content


def examples(content: dict[str, Any]) -> list[Any]:
    given = [one["value"] for one in content.get("examples", {}).values()]
    return given + [content[name] for name in ("example",) if name in content]


def validator(schema: dict[str, Any], part: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**part, "components": schema["components"]})


def test_the_description_is_openapi_3_1_for_everybody(db: None) -> None:
    body = Client().get("/api/v1/openapi.json").json()

    assert body["openapi"].startswith("3.1")
    assert set(body["paths"]) >= {"/api/v1/checkpoints", "/api/v1/operations"}


def test_every_endpoint_is_described_under_its_own_name(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(schema)]

    assert len(names) == len(set(names))
    assert set(names) == set(ENDPOINTS)


def test_every_endpoint_says_what_it_does(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        assert 3 < len(operation["summary"]) < 60, operation["operationId"]
        assert operation["description"].rstrip().endswith("."), operation["operationId"]
        assert operation["tags"], operation["operationId"]


def test_everything_that_goes_in_or_out_has_an_example(schema: dict[str, Any]) -> None:
    assert [name for name, content in contents(schema) if not examples(content)] == []


def test_every_example_fits_its_schema(schema: dict[str, Any]) -> None:
    found = [
        f"{name}: {error.message}"
        for name, content in contents(schema)
        for example in examples(content)
        for error in validator(schema, content["schema"]).iter_errors(example)
    ]

    assert found == []


def test_an_example_that_does_not_fit_would_be_found(schema: dict[str, Any]) -> None:
    orders = schema["paths"]["/api/v1/operations"]["post"]["requestBody"]["content"]
    part = orders["application/json"]["schema"]

    assert not validator(schema, part).is_valid({"kind": "restore"})
    assert not validator(schema, part).is_valid({"kind": "sweep", "source": 3, "more": 1})


def test_the_page_shows_every_endpoint_with_its_examples(schema: dict[str, Any], db: None) -> None:
    page = Client().get("/api/v1/docs").content.decode()

    for operation in operations(schema):
        assert f'id="{operation["operationId"]}"' in page
        assert operation["summary"] in html.unescape(page)
    assert page.count("<details") > len(ENDPOINTS)
    assert "``" not in page


def test_every_problem_is_of_a_listed_code() -> None:
    described = {code for one in ENDPOINTS.values() for code in one.problems}

    assert described | set(EVERYWHERE) == set(CODES)


def test_pages_for_requests_that_failed_answer_listed_codes_too() -> None:
    pages = [value for value in vars(errors).values() if isinstance(value, errors._Page)]

    assert pages
    assert [page for page in pages if CODES[page.code].status != page.status] == []


def test_an_example_of_a_problem_has_its_status() -> None:
    for code in CODES:
        assert example_of(code)["status"] == CODES[code].status


def test_the_reference_lists_every_code_and_no_other() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)

    listed = [(str(code.status.value), name, code.meaning) for name, code in CODES.items()]
    assert rows == listed


def test_the_reference_names_every_endpoint(schema: dict[str, Any]) -> None:
    text = DOCUMENT.read_text()

    for path, methods in schema["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in text
