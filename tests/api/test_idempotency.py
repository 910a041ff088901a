"""A call that is sent again is done once; two at the same time too, on both databases."""

import io
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from cms_core.audience import segments
from cms_core.audience.models import Segment
from cms_core.auth.models import IdempotencyKey
from cms_core.clock import FrozenClock
from cms_core.errors import TryLater
from cms_core.workspace import Workspace

from .conftest import Caller, Calls

BODY = {"name": "A", "rule": 'country = "FR"'}
KEY = {"Idempotency-Key": "4711"}


def count(workspace: Workspace, model: type) -> int:
    with workspace.db.session() as session:
        return int(session.scalar(select(func.count()).select_from(model)) or 0)


def test_sent_again_it_is_answered_alike_and_done_once(admin: Caller, workspace: Workspace) -> None:
    first = admin("POST", "/segments", BODY, headers=KEY)
    again = admin("POST", "/segments", BODY, headers=KEY)
    assert (first.status_code, first.data) == (again.status_code, again.data) == (201, first.data)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert count(workspace, Segment) == 1
    assert admin("POST", "/segments", BODY).status_code == 409, "without a key it is another call"


def test_another_request_under_the_same_key_is_refused(admin: Caller, workspace: Workspace) -> None:
    admin("POST", "/segments", BODY, headers=KEY)
    other = admin("POST", "/segments", {**BODY, "name": "B"}, headers=KEY)
    assert other.status_code == 422
    assert "another request" in other.json["error"]["message"]
    assert count(workspace, Segment) == 1


def test_a_key_is_of_one_token(calls: Calls, workspace: Workspace) -> None:
    assert calls("admin")("POST", "/segments", BODY, headers=KEY).status_code == 201
    assert calls("marketer")("POST", "/segments", {**BODY, "name": "B"}, headers=KEY).status_code == 201


def test_a_call_that_failed_may_be_tried_again(admin: Caller, workspace: Workspace) -> None:
    assert admin("POST", "/segments", {**BODY, "rule": "nonsense ="}, headers=KEY).status_code == 422
    assert count(workspace, IdempotencyKey) == 0
    assert admin("POST", "/segments", BODY, headers=KEY).status_code == 201


def test_a_crash_before_the_commit_leaves_neither_effect_nor_key(
    admin: Caller, workspace: Workspace, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = segments.create

    def crash(*args: object) -> Segment:
        create(*args)  # type: ignore[arg-type]
        raise TryLater("the machine goes down")

    with monkeypatch.context() as broken:
        broken.setattr(segments, "create", crash)
        assert admin("POST", "/segments", BODY, headers=KEY).status_code == 503
    assert (count(workspace, Segment), count(workspace, IdempotencyKey)) == (0, 0)
    assert admin("POST", "/segments", BODY, headers=KEY).status_code == 201


def test_a_key_is_forgotten_after_24_hours(admin: Caller, workspace: Workspace, clock: FrozenClock) -> None:
    admin("POST", "/segments", BODY, headers=KEY)
    clock.at += timedelta(hours=23, minutes=59)
    assert admin("POST", "/segments", BODY, headers=KEY).status_code == 201
    clock.at += timedelta(minutes=2)
    assert admin("POST", "/segments", BODY, headers=KEY).status_code == 409
    assert admin("POST", "/segments", {**BODY, "name": "B"}, headers=KEY).status_code == 201


def test_a_form_sent_again_with_another_boundary_is_the_same_request(admin: Caller) -> None:
    def send(content: bytes) -> tuple[int, object]:
        data = {"file": (io.BytesIO(content), "a.csv")}
        answer = admin("POST", "/contacts/import", data=data, content_type="multipart/form-data", headers=KEY)
        return answer.status_code, (answer.json or {}).get("created")

    assert send(b"email\na@example.com\n") == (200, 1)
    assert send(b"email\na@example.com\n") == (200, 1)
    assert send(b"email\nb@example.com\n")[0] == 422


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a" * 256])
def test_a_key_that_cannot_be_kept_is_refused(admin: Caller, key: str) -> None:
    assert admin("POST", "/segments", BODY, headers={"Idempotency-Key": key}).status_code == 400


def test_of_many_at_the_same_time_one_is_done_and_all_are_answered_alike(
    app: Flask, token_of: Callable[..., str], workspace: Workspace
) -> None:
    token, answers = token_of("admin"), []
    together = threading.Barrier(4)

    def call() -> None:
        caller = Caller(app.test_client(), token)
        together.wait()
        answers.append(caller("POST", "/segments", BODY, headers=KEY))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.status_code for each in answers] == [201] * 4
    assert len({each.data for each in answers}) == 1
    assert sum("Idempotency-Replayed" in each.headers for each in answers) == 3
    assert count(workspace, Segment) == 1


def test_a_form_whose_parts_have_no_names_is_read_as_any_other(admin: Caller) -> None:
    part = "--x\r\nContent-Disposition: form-data{}\r\n\r\nwords\r\n"
    body = part.format("") + part.format('; name="a"') + "--x--\r\n"
    sent = admin(
        "POST",
        "/contacts/import",
        data=body.encode(),
        content_type="multipart/form-data; boundary=x",
        headers={"Idempotency-Key": "k"},
    )
    assert sent.status_code == 422
    assert "no file was sent" in sent.json["error"]["message"]
