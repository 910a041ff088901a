"""S13, S9: signing in, what ends a session, and that nobody is led away from this site."""

import re
from urllib.parse import quote

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from cms_core.auth import service
from cms_core.testing.client import FormClient

from .house import DISABLED, PASSWORD, House

ELSEWHERE = (
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "https:evil.test",
    "https://evil.test/app/",
    "http:///evil.test",
    "/\t/evil.test",
    "\t//evil.test",
    "/%09/evil.test",
    "/\n/evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://127.0.0.1@evil.test/",
    "/app/../..//evil.test",
    "/app//evil.test/%2e%2e",
    "/app/\x00//evil.test",
    "/app/\r\nSet-Cookie: stolen=1",
    "//evil.test/app/",
    "/\u2028/evil.test",
    "https://evil。test",
    "?next=//evil.test",
    "app",
    "",
)


def stays_here(location: str) -> bool:
    """Whether a browser that is led there stays on this site (WHATWG: backslash is slash, tabs and line ends are dropped)."""
    plain = re.sub(r"[\t\r\n]", "", location).replace("\\", "/")
    return plain.startswith("/") and not plain.startswith("//")


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_led_elsewhere_after_signing_in(house: House, target: str) -> None:
    client = house.client()
    shown = client.get(f"/app/login?next={quote(target)}")
    if "\0" in target:
        assert shown.status_code == 400
        return
    kept = re.search(r'name="next" value="([^"]*)"', shown.text)
    assert kept
    assert stays_here(kept[1])
    answer = client.sign_in("viewer@acme.test", PASSWORD, next=target)
    assert answer.status_code == 303
    assert stays_here(answer.headers["Location"]), answer.headers["Location"]
    assert "stolen" not in "".join(answer.headers.getlist("Set-Cookie"))
    again = client.get(f"/app/login?next={quote(target)}")
    assert stays_here(again.headers["Location"]), again.headers["Location"]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_form_of_the_app_leads_elsewhere(house: House, target: str) -> None:
    client = house.signed_in("admin")
    token = client.token("/app/me")
    forms = {
        "/app/theme": {"theme": "dark"},
        f"/app/calendar/entries/{house.ids['entry:draft']}/move": {"when": "2026-06-01 09:00"},
        f"/app/connections/{house.ids['connection:news']}/test": {},
    }
    for address, data in forms.items():
        headers = {"Referer": target} if target.isprintable() and target.isascii() else {}
        answer = client.post(address, data={**data, "csrf_token": token, "next": target}, headers=headers)
        assert answer.status_code == 303, address
        assert stays_here(answer.headers["Location"]), answer.headers["Location"]
        assert "stolen" not in "".join(answer.headers.getlist("Set-Cookie"))


def test_public_addresses_lead_only_to_addresses_of_the_site(house: House) -> None:
    client, host = house.client(), {"Host": "www.acme.test"}
    for path in (
        "//evil.test",
        "/%2f/evil.test",
        "/\\evil.test",
        "/calm/",
        "/CALM",
        "/calm//",
        "//evil.test/..",
        "/%5cevil.test/",
    ):
        answer = client.get(path, headers=host)
        location = answer.headers.get("Location", "/")
        assert stays_here(location) or location.startswith(
            ("http://www.acme.test/", "https://www.acme.test/")
        ), path


def test_a_session_given_to_the_victim_is_worth_nothing(house: House) -> None:
    attacker, victim = house.client(), house.client()
    attacker.get("/app/login")
    given = attacker.get_cookie("cms_session", path="/app")
    assert given is not None
    victim.set_cookie("cms_session", given.value, path="/app")
    token_before = attacker.token("/app/login")
    assert (
        victim.post(
            "/app/login", data={"csrf_token": token_before, "email": "viewer@acme.test", "password": PASSWORD}
        ).status_code
        == 303
    )
    after = victim.get_cookie("cms_session", path="/app")
    assert after is not None
    assert after.value != given.value
    assert attacker.get("/app/me").status_code == 303  # the old cookie is nobody's
    assert victim.post("/app/theme", data={"csrf_token": token_before}).status_code == 400  # nor is its token


def test_cookies_are_kept_from_scripts_other_sites_and_other_paths(house: House) -> None:
    answer = house.client().sign_in("viewer@acme.test", PASSWORD)
    (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith("cms_session=")]
    assert {"HttpOnly", "Path=/app", "SameSite=Lax"} <= set(cookie.split("; "))
    with house.client().get("/calm", headers={"Host": "www.acme.test"}) as page:
        assert all("cms_session" not in each for each in page.headers.getlist("Set-Cookie"))


def test_a_cookie_that_was_changed_or_made_up_is_nobodys(house: House) -> None:
    client = house.as_role("viewer")
    cookie = client.get_cookie("cms_session", path="/app")
    assert cookie is not None
    good = cookie.value
    forged = SecureCookieSessionInterface().get_signing_serializer(_other_app())
    assert forged is not None
    with house.workspace.db.session() as session:
        admin = service.find_user(session, "admin@acme.test")
    stolen = forged.dumps({"_user_id": f"1:{admin.public_id}", "_fresh": True})
    tampered = [
        good[:-1],
        good + "A",
        good[1:],
        good.swapcase(),
        "." + good,
        "..",
        "",
        "x" * 4000,
        stolen,
        "\x7f",
    ]
    for value in tampered:
        other = house.client()
        other.set_cookie("cms_session", value, path="/app")
        answer = other.get("/app/me")
        assert answer.status_code == 303, value
        assert answer.headers["Location"].startswith("/app/login")


def _other_app() -> Flask:
    other = Flask("other")
    other.secret_key = "guessed"
    return other


@pytest.mark.parametrize("how", ["logout", "password", "role", "reset", "disable"])
def test_what_ends_a_session_ends_it_in_every_browser(house: House, how: str) -> None:
    address = f"{how}@acme.test"
    with house.workspace.db.transaction() as session:
        person = service.create_user(session, address, how, "viewer", PASSWORD).public_id
    here, there = house.client(), house.client()
    for browser in (here, there):
        assert browser.sign_in(address, PASSWORD).status_code == 303
    cookie = there.get_cookie("cms_session", path="/app")
    assert cookie is not None
    admin = house.signed_in("admin")
    users = f"/app/users/{person}"
    done = {
        "logout": lambda: here.submit("/app/logout", {}, "/app/me"),
        "password": lambda: here.submit(
            "/app/me/password", {"current": PASSWORD, "password": "another one"}, "/app/me"
        ),
        "role": lambda: admin.submit(f"{users}/role", {"role": "marketer"}, "/app/users"),
        "reset": lambda: admin.submit(f"{users}/password", {"password": "another one"}, "/app/users"),
        "disable": lambda: admin.submit(f"{users}/disable", {}, "/app/users"),
    }[how]()
    assert done.status_code == 303
    assert there.get("/app/me").status_code == 303
    copied = house.client()
    copied.set_cookie("cms_session", cookie.value, path="/app")
    assert copied.get("/app/me").status_code == 303
    assert (here.get("/app/me").status_code == 200) is (how == "password")  # who changed it goes on


def test_the_answer_does_not_tell_who_has_an_account(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by its words nor by its work: the password is hashed exactly once whatever is wrong."""
    worked: list[str] = []
    hasher = service.hasher

    class Counting:
        def hash(self, password: str) -> str:
            worked.append("hash")
            return hasher.hash(password)

        def verify(self, stored: str, password: str) -> bool:
            worked.append("verify")
            return hasher.verify(stored, password)

    monkeypatch.setattr(service, "hasher", Counting())
    answers = set()
    for email in ("viewer@acme.test", "nobody@acme.test", f"{DISABLED}@acme.test", "not an address", "\x00"):
        worked.clear()
        answer = house.client().sign_in(email, "wrong password")
        assert len(worked) == 1, email
        shown = re.sub(r'value="[^"]*"', "", answer.text)
        answers.add((answer.status_code, shown))
    assert len(answers) == 1


def test_tries_are_limited_by_account_whatever_its_spelling(house: House) -> None:
    client = house.client()
    codes = [
        client.sign_in(email, "wrong").status_code
        for email in ("Limited@x.test", " limited@X.test", "limited@x.test ") * 3
    ]
    assert codes[:5] == [401] * 5
    assert set(codes[5:]) == {429}


def test_tries_are_not_spread_by_made_up_forwarding(house: House) -> None:
    """Nobody named a proxy here, so nobody is believed."""
    client: FormClient = house.client()
    client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    codes = []
    for n in range(25):
        client.environ_base["HTTP_X_FORWARDED_FOR"] = f"198.51.100.{n}"
        codes.append(client.sign_in(f"many{n}@x.test", "wrong").status_code)
    assert 429 in codes[19:]


def test_forms_of_other_sites_and_scripts_are_refused(house: House) -> None:
    client = house.signed_in("admin")
    for headers in ({"Origin": "null"}, {"Origin": "https://evil.test"}, {"Referer": "https://evil.test/"}):
        for body in ({"data": {"theme": "dark"}}, {"json": {"theme": "dark"}}):
            answer = client.post("/app/theme", headers=headers, **body)
            assert answer.status_code == 400
            assert "Access-Control-Allow-Origin" not in answer.headers
    plain = client.post("/app/theme", data='{"csrf_token":1}', content_type="text/plain")
    assert plain.status_code == 400


def test_addresses_in_mails_do_not_come_from_the_host_header(house: House) -> None:
    house.client().get("/app/login", headers={"Host": "evil.test"})
    assert house.mail.received
    assert all(b"evil.test" not in mail.data for mail in house.mail.received)
