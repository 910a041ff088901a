"""Robustness: whatever is sent in a query or a form is answered by a page of ours, never by a crash."""

from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from flask import Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import ImmutableMultiDict

from .addresses import existing, routes
from .house import House

NASTY = (
    b"",
    b"0",
    b"-1",
    b"99999999999999999999999999",
    b"1e308",
    b"2026-13",
    b"9999-12",
    b"0001-01",
    b"9999-12-31T23:59:59+00:00~99999999999999999999",
    b"\x00",
    b"a\x00b\r\nSet-Cookie: x=1",
    b"\xff\xfe\xed\xa0\x80",
    "\U0001f600\u202e\ufeff".encode(),
    b"../../../../etc/passwd",
    b"%s%n{0.__class__}{{7*7}}${7*7}",
    b"' OR 1=1; DROP TABLE core_user;--",
    b"a" * 5000,
)
values = st.one_of(
    st.sampled_from(NASTY),
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda t: t.encode("utf-8", "surrogatepass")),
)
RECORDED: set[str] = set()


class Recording(ImmutableMultiDict[str, Any]):
    """Remembers what a view asks for by name."""

    def get(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        RECORDED.add(key)
        return super().get(key, *args, **kwargs)

    def getlist(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        RECORDED.add(key)
        return super().getlist(key, *args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        RECORDED.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        RECORDED.add(str(key))
        return super().__contains__(key)


class RecordingRequest(Request):
    """A request that remembers which parameters were read."""

    parameter_storage_class = Recording


@pytest.fixture(scope="module")
def asked(house: House, places: dict[str, dict[str, str]]) -> dict[tuple[str, str], list[str]]:
    """(method, address) of every route, with the names of the parameters that it reads."""
    house.app.request_class = RecordingRequest
    client, found = house.signed_in("admin"), {}
    token = client.token("/app/me")
    for method, rule in routes(house.app):
        if rule in ("/app/logout", "/app/login") or "/users/" in rule:
            continue
        address = existing(rule, places)
        RECORDED.clear()
        client.open(address, method=method, data={"csrf_token": token} if method == "POST" else None).close()
        found[method, address] = sorted(RECORDED - {"csrf_token", "X-CSRFToken"})
    house.app.request_class = Request
    return found


def test_the_parameters_were_found(asked: dict[tuple[str, str], list[str]]) -> None:
    assert {"before", "kind", "subject"} <= set(asked["GET", "/app/audit"])
    assert {"q", "segment", "before"} <= set(asked["GET", "/app/contacts"])
    assert {"title", "text", "row_version"} <= set(asked["POST", "/app/content/calm/edit"])


def test_no_query_breaks_a_page(house: House, asked: dict[tuple[str, str], list[str]]) -> None:
    broken = []
    for (method, address), names in asked.items():
        for name in names if method == "GET" else ():
            for value in NASTY:
                with house.signed_in("admin").get(f"{address}?{name}={quote_from_bytes(value)}") as answer:
                    if answer.status_code >= 500:
                        broken.append((address, name, value))
                    assert "Set-Cookie: x=1" not in str(answer.headers)
    assert broken == []


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(data=st.data())
def test_no_form_breaks_a_page(
    house: House, asked: dict[tuple[str, str], list[str]], data: st.DataObject
) -> None:
    posts = [each for each in asked if each[0] == "POST"]
    _, address = data.draw(st.sampled_from(posts))
    names = asked["POST", address]
    chosen = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=6)) if names else {}
    client = house.signed_in("admin")
    fields = {"csrf_token": client.token("/app/me").encode(), **chosen}
    body = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in fields.items())
    answer = client.post(address, data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code < 500, (address, chosen)


@pytest.mark.parametrize("month", ["0001-01", "9999-12", "2026-13", "9998-12", "0002-01"])
def test_the_calendar_survives_the_ends_of_time_in_every_zone(house: House, month: str) -> None:
    client = house.signed_in("marketer")
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"):
        client.submit("/app/me", {"name": "M", "timezone": zone})
        assert client.get(f"/app/calendar?month={month}").status_code in (200, 422), zone


def test_no_number_in_a_tracked_link_breaks_it(house: House, places: dict[str, dict[str, str]]) -> None:
    token = places["/t"]["token"]  # the forms that were tried may have erased the person
    for number in ("0", "999999999", "9" * 19, "9" * 400, "9" * 5000):
        assert house.client().get(f"/t/{token}/{number}").status_code == 404, number
        assert house.client().get(f"/sitemap-{number}.xml").status_code == 404, number
