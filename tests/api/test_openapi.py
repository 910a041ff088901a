"""The description of the REST interface is valid, whole and true."""

import io
import os
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from openapi_spec_validator import validate
from pptx import Presentation

from cms_core.api.reference import ALONE, commands, operations, twins, without_call
from cms_core.api.wiring import description, whole_description
from cms_core.cli import cli
from cms_core.workspace import Workspace
from tests.serving import served

from .conftest import Caller
from .test_calls import live


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return whole_description()


def test_it_is_a_valid_document_that_anybody_may_read(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.json["openapi"] == "3.1.0"
    validate(answer.json)
    assert len(answer.json["paths"]) >= 25


def test_every_call_has_a_summary_a_permission_and_true_versions(whole: dict[str, Any]) -> None:
    for method, path, operation in operations(whole):
        assert operation["summary"].endswith("."), f"{method} {path}"
        assert "x-permission" in operation
        headers = {each["name"]: each.get("required", False) for each in operation.get("parameters", [])}
        if method in ("put", "patch", "delete"):
            assert headers["If-Match"] is True, f"{method} {path}"
            assert {"412", "428"} <= set(operation["responses"])
        assert ("Idempotency-Key" in headers) is (method == "post")


def test_every_command_has_a_call_or_a_reason_why_not(whole: dict[str, Any]) -> None:
    done = twins(whole)
    missing = [each for each in commands(cli) if each not in done and not without_call(each)]
    assert not missing, "give them a call with their name as twin, or a reason in cms_core/api/reference.py"


def test_every_twin_and_every_exception_is_a_command(whole: dict[str, Any]) -> None:
    known = set(commands(cli))
    groups = {" ".join(each.split()[:n]) for each in known for n in (1, 2)}
    assert twins(whole) <= known
    assert set(ALONE) <= known | groups
    assert not {each for each in twins(whole) if without_call(each)}
    for command in twins(whole):
        assert CliRunner().invoke(cli, [*command.split(), "--help"]).exit_code == 0


def test_every_answer_is_of_the_shape_that_is_described(
    admin: Caller, approver: Caller, workspace: Workspace, app: Flask
) -> None:
    """In a workspace in which there is something of everything."""
    from jsonschema import Draft202012Validator

    publication = live(admin, approver, workspace)
    admin("POST", "/contacts/import", data=b"email,consent\na@example.com,yes\n", content_type="text/csv")
    admin("POST", "/segments", {"name": "all", "rule": 'email like "%"'})
    admin("POST", "/campaigns", {"name": "all", "start": "2026-05-01", "end": "2026-05-02", "tz": "UTC"})
    admin("POST", "/webhooks", {"url": "https://hooks.example.com/"})
    admin(
        "POST",
        "/calendar/blackouts",
        {"name": "all", "policy": "show", "from": "2026-05-04", "to": "2026-05-04"},
    )
    admin("POST", "/quiet-hours", {"channel": "email", "from": "21:00", "to": "08:00"})
    series = {"rrule": "FREQ=DAILY;COUNT=2", "start": "2026-05-04 09:00", "title": "all", "kind": "task"}
    contact = admin("GET", "/contacts").json["items"][0]["id"]
    admin(
        "POST",
        "/leads/deals",
        {"name": "all", "company": "Acme", "contacts": ["a@example.com"], "amount": "5 EUR"},
    )
    share = admin("POST", "/sales_enablement/shares", {"asset": "hello", "contact": "a@example.com"}).json[
        "id"
    ]
    there = {
        "/calendar/blackouts/{id}": "/calendar/blackouts/all",
        "/caps/{id}": f"/caps/{admin('POST', '/caps', {'most': 1, 'days': 1}).json['id']}",
        "/quiet-hours/{channel}": "/quiet-hours/email",
        "/calendar/slots/{connection}": "/calendar/slots/web",
        "/calendar/check": "/calendar/check?from=2026-05-01&to=2026-05-31",
        "/calendar/series/{id}": f"/calendar/series/{admin('POST', '/calendar/series', series).json['id']}",
        "/leads/{contact}": f"/leads/{contact}",
        "/leads/companies/{id}": f"/leads/companies/{admin('GET', '/leads/companies').json['items'][0]['id']}",
        "/leads/deals/{id}": f"/leads/deals/{admin('GET', '/leads/deals').json['items'][0]['id']}",
        "/sales_enablement/shares/{id}": f"/sales_enablement/shares/{share}",
        "/sales_enablement/assets/{slug}": "/sales_enablement/assets/hello",
        "/sales_enablement/templates/{named}": "/sales_enablement/templates/pitch",
        "/sales_enablement/usage/templates/{named}": "/sales_enablement/usage/templates/pitch",
        "/sales_enablement/training/{id}": f"/sales_enablement/training/{training(admin)}",
        "/sales_enablement/decks/{id}": f"/sales_enablement/decks/{deck(admin, approver)}",
        "/sales_enablement/slide-sources/{name}": "/sales_enablement/slide-sources",  # none is brought by a plugin of ours
        "/sales_enablement/rooms/{id}": f"/sales_enablement/rooms/{room(admin)}",
        "/content/{slug}": "/content/hello",
        "/content/{slug}/history": "/content/hello/history",
        "/content/{slug}/compare": "/content/hello/compare?a=1&b=1",
        "/content/{slug}/uses": "/content/hello/uses",
        "/content/{slug}/check": "/content/hello/check?channel=site",
        "/contacts/{id}": f"/contacts/{contact}",
        "/contacts/{id}/personal-data": f"/contacts/{contact}/personal-data",
        "/segments/count": "/segments/count?q=all",
        "/segments/{id}": "/segments/all",
        "/campaigns/{id}": "/campaigns/all",
        "/calendar": "/calendar?from=2026-05-01&to=2026-05-31",
        "/calendar/expand": "/calendar/expand?rrule=FREQ=DAILY&start=2026-05-04 09:00&tz=UTC",
        "/calendar/{id}": f"/calendar/{admin('GET', f'/publications/{publication}').json['entry']}",
        "/connections/{id}": "/connections/web",
        "/plugins/{name}/check": "/plugins/seo/check",
        "/publications/{id}": f"/publications/{publication}",
        "/publications/{id}/deliveries": f"/publications/{publication}/deliveries",
        "/reports/campaigns/{id}": "/reports/campaigns/all",
        "/tokens/{id}": f"/tokens/{admin.token[:12]}",
        "/webhooks/{id}": f"/webhooks/{admin('GET', '/webhooks').json['items'][0]['id']}",
    }
    there["/sales_enablement/rooms/{id}/questions"] = there["/sales_enablement/rooms/{id}"] + "/questions"
    there["/sales_enablement/training/{id}/people"] = there["/sales_enablement/training/{id}"] + "/people"
    at = there["/sales_enablement/decks/{id}"]
    there["/sales_enablement/decks/{id}/slides"] = f"{at}/slides?template=pitch"
    there["/webhooks/{id}/messages"] = there["/webhooks/{id}"] + "/messages"
    with app.app_context():
        document = description(app)
    for method, path, operation in operations(document):
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json")
        if method == "get" and content:
            short = path.removeprefix("/api/v1")
            answer = admin("GET", there.get(short, short))
            assert answer.status_code == 200, f"{path}: {answer.text}"
            shape = {**content["schema"], "components": document["components"]}
            Draft202012Validator(shape).validate(answer.json)


def room(admin: Caller) -> str:
    """A room with a piece, a step and a link."""
    made = admin("POST", "/sales_enablement/rooms", {"name": "Ours", "for": "Acme", "items": ["hello"]})
    where = f"/sales_enablement/rooms/{made.json['id']}"
    admin("POST", f"{where}/steps", {"what": "Meet"})
    admin("POST", f"{where}/links", {})
    return str(made.json["id"])


def deck(admin: Caller, approver: Caller) -> str:
    """A deck of an approved presentation of one slide."""
    slides, data = Presentation(), io.BytesIO()
    slides.slides.add_slide(slides.slide_layouts[0]).shapes.title.text = "{{ company.name }}"
    slides.save(data)
    admin("POST", "/sales_enablement/templates?name=Pitch.pptx", data=data.getvalue())
    approver("POST", "/content/pitch/approve")
    made = admin("POST", "/sales_enablement/decks", {"source": "pitch", "values": {"client": "Ann"}})
    return str(made.json["id"])


def training(admin: Caller) -> str:
    """A training with one lesson."""
    question = {"question": "Why?", "options": ["* Because", "Never"]}
    body = {"name": "all", "lessons": ["hello"], "questions": [question]}
    return str(admin("POST", "/sales_enablement/training", body).json["id"])


# --- schemathesis ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    with served(app) as url:
        yield url


def attack(address: str, token: str, cases: int) -> int:
    """Let schemathesis call every operation; returns how many cases it tried. Raises for what the description does not hold."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings

    schema = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json")
    found = [each.ok() for each in schema.get_all_operations()]
    each_gets, tried = max(1, cases // len(found)), 0
    for operation in found:

        @settings(
            max_examples=each_gets,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            nonlocal tried
            tried += 1
            response = case.call(headers={"Authorization": f"Bearer {token}"}, timeout=30)
            assert response.status_code < 500, f"{response.status_code} {case.as_curl_command()}"
            case.validate_response(response, checks=checks())

        call()
    return tried


def checks() -> list[Any]:
    from schemathesis import checks as general
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    return [
        general.not_a_server_error,
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    ]


@pytest.mark.sqlite
def test_schemathesis_finds_nothing_in_two_hundred_cases(app: Flask, address: str, admin: Caller) -> None:
    app.testing = False
    assert attack(address, admin.token, int(os.environ.get("CMS_SCHEMATHESIS_CASES", "200"))) > 100


@pytest.mark.long
def test_schemathesis_finds_nothing_in_two_thousand_cases(app: Flask, address: str, admin: Caller) -> None:
    app.testing = False
    assert attack(address, admin.token, 2_300) >= 2_000
