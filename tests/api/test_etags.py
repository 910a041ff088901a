"""Versions: what is known is not sent again, and nobody overwrites what they have not seen."""

import pytest

from .conftest import Caller


@pytest.fixture
def tag(admin: Caller) -> str:
    return str(admin("POST", "/segments", {"name": "A", "rule": 'country = "FR"'}).headers["ETag"])


def test_what_is_known_is_not_sent_again(admin: Caller, tag: str) -> None:
    known = admin("GET", "/segments/A", headers={"If-None-Match": tag})
    assert (known.status_code, known.data) == (304, b"")
    assert admin("GET", "/segments/A", headers={"If-None-Match": f'"x", {tag}'}).status_code == 304
    other = admin("GET", "/segments/A", headers={"If-None-Match": '"x"'})
    assert (other.status_code, other.headers["ETag"]) == (200, tag)


def test_what_is_shown_changes_the_etag_and_only_the_row_the_version(admin: Caller, tag: str) -> None:
    admin("POST", "/contacts/import", data=b"email,country\na@example.com,FR\n", content_type="text/csv")
    answer = admin("GET", "/segments/A", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json["count"]) == (200, 1)
    done = admin("PATCH", "/segments/A", {"rule": 'country = "DE"'}, headers={"If-Match": tag})
    assert done.status_code == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 428), ("", 428), ('"9-x"', 412), ("nonsense", 412), ("*", 200), ('"0", W/"1-abc"', 200)],
)
def test_a_change_needs_the_version_it_is_meant_for(
    admin: Caller, tag: str, header: str | None, status: int
) -> None:
    headers = {} if header is None else {"If-Match": header}
    done = admin("PATCH", "/segments/A", {"rule": 'country = "DE"'}, headers=headers)
    assert done.status_code == status
    rule = admin("GET", "/segments/A").json["rule"]
    assert rule == ('country = "DE"' if status == 200 else 'country = "FR"')


def test_of_two_changes_from_one_version_the_second_is_refused(admin: Caller, tag: str) -> None:
    answers = [
        admin(
            "PATCH", "/segments/A", {"rule": f'country = "{country}"'}, headers={"If-Match": tag}
        ).status_code
        for country in ("DE", "IT")
    ]
    assert answers == [200, 412]
    assert admin("GET", "/segments/A").json["rule"] == 'country = "DE"'


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/content/x", {}),
        ("DELETE", "/calendar/x", None),
        ("DELETE", "/tokens/x", None),
        ("PATCH", "/webhooks/x", {}),
        ("PUT", "/connections/x", {"settings": {}}),
    ],
)
def test_what_is_not_there_is_404_before_a_version_is_asked_for(
    admin: Caller, method: str, path: str, body: object
) -> None:
    assert admin(method, path, body).status_code == 404
