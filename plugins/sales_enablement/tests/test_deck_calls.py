"""Presentations and decks over HTTP."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pptx import Presentation

from cms_core.testing.calls import Caller, caller_of

from .decks import make

AT = "/sales_enablement"


@pytest.fixture
def calls(app: Flask, desk: Any) -> Callable[..., Caller]:
    return partial(caller_of, app)


@pytest.fixture
def rep(calls: Callable[..., Caller]) -> Caller:
    return calls("rep")


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    return make(tmp_path / "x.pptx", 3).read_bytes()


@pytest.fixture
def template(calls: Callable[..., Caller], desk: Any, data: bytes) -> str:
    made = calls("marketer")("POST", f"{AT}/templates?name=Pitch.pptx", data=data)
    assert made.status_code == 201, made.json
    desk.approve(made.json["slug"])
    return str(made.json["slug"])


def test_a_presentation_is_sent_listed_and_shown(rep: Caller, template: str) -> None:
    (row,) = rep("GET", f"{AT}/templates").json["items"]
    assert (row["slug"], row["slide_count"], row["revision"]) == ("pitch", 3, 1)
    full = rep("GET", f"{AT}/templates/{template}").json
    assert [slide["id"] for slide in full["slides"]] == ["256", "257", "258"]
    assert full["slides"][0]["fields"] == ["company.name", "client", "deal.amount"]
    assert rep("GET", f"{AT}/templates/nothing").status_code == 404


def test_what_is_no_presentation_is_refused_with_a_remedy(calls: Callable[..., Caller]) -> None:
    answer = calls("marketer")("POST", f"{AT}/templates", data=b"PK\3\4 nothing")
    assert answer.status_code == 422
    assert answer.json["error"]["remedy"]
    assert calls("rep")("POST", f"{AT}/templates", data=b"x").status_code == 403


def test_a_deck_is_made_once_changed_and_read_as_a_file(rep: Caller, template: str) -> None:
    body = {"source": template, "pick": ["258", "256"], "values": {"client": "Ann"}, "for": "Acme"}
    made = rep.again(f"{AT}/decks", body)
    assert made.status_code == 201
    deck = made.json
    assert ([each["id"] for each in deck["slides"]], deck["missing"]) == (["258", "256"], ["deal.amount"])
    assert {"field": "company.name", "value": "Acme", "source": "company"} in deck["values"]
    where = made.headers["Location"].removeprefix("/api/v1")
    wanted = {"values": {"deal.amount": "9"}, "pick": ["256"]}
    assert rep("PATCH", where, wanted).status_code == 428
    seen = {"If-Match": rep("GET", where).headers["ETag"]}
    changed = rep("PATCH", where, wanted, headers=seen).json
    assert rep("PATCH", where, wanted, headers=seen).status_code == 412
    assert (changed["missing"], changed["slide_count"]) == ([], 1)
    file = rep("GET", f"{where}/file")
    assert file.mimetype.endswith("presentationml.presentation")
    assert "attachment" in file.headers["Content-Disposition"]
    slides = Presentation(io.BytesIO(file.data)).slides
    assert slides[0].placeholders[1].text_frame.text == "Dear Acme, and Ann, we offer 9"
    assert [row["id"] for row in rep("GET", f"{AT}/decks").json["items"]] == [deck["id"]]


def test_a_value_for_no_field_is_told(rep: Caller, template: str) -> None:
    made = rep("POST", f"{AT}/decks", {"source": template, "values": {"clinet": "Ann"}})
    (found,) = made.json["findings"]
    assert (made.status_code, found["code"], found["where"]) == (201, "unknown_field", "clinet")


def test_faults_name_their_place(rep: Caller, template: str) -> None:
    def refused(**more: Any) -> dict[str, Any]:
        answer = rep("POST", f"{AT}/decks", {"source": template, **more})
        assert answer.status_code == 422
        found: dict[str, Any] = answer.json["error"]
        return found

    assert refused(pick=["999"])["field"] == "pick"
    assert "values" in refused(values={"a": 1})["errors"]
    assert refused(nonsense=1)
    assert rep("POST", f"{AT}/decks", {"source": "nothing"}).status_code == 404


def test_whose_deck_it_is(calls: Callable[..., Caller], rep: Caller, template: str) -> None:
    deck = calls("admin")("POST", f"{AT}/decks", {"source": template}).json["id"]
    for path in (f"{AT}/decks/{deck}", f"{AT}/decks/{deck}/file"):
        assert rep("GET", path).status_code == 404
    assert calls("viewer")("POST", f"{AT}/decks", {"source": template}).status_code == 403
    assert calls("marketer")("GET", f"{AT}/decks/{deck}").status_code == 200
