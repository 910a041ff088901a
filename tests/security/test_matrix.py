"""Every route of the real app against everybody, with ids that exist and ids that were guessed."""

import re

import pytest
from werkzeug.wrappers import Response

from cms_core.testing.client import FormClient

from .addresses import existing, guessed, routes
from .allowed import ALLOWED, ENTRANCE, PUBLIC, ROLES
from .house import DISABLED, PASSWORD, House

STRANGERS = ("anonymous", "disabled", "signed out", "role changed")
SAFE = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def strangers(house: House) -> dict[str, FormClient]:
    """Browsers of people who have no business here, among them those whose cookies were good once."""
    out = house.as_role("admin")
    copied = out.get_cookie("cms_session", path="/app")
    assert copied is not None
    out.submit("/app/logout", {}, "/app/me")
    out.set_cookie("cms_session", copied.value, path="/app")
    changed = house.as_role("target")
    admin = house.signed_in("admin")
    admin.submit(f"/app/users/{house.ids['user:target']}/role", {"role": "viewer"}, "/app/users")
    disabled = house.client()
    assert disabled.sign_in(f"{DISABLED}@acme.test", PASSWORD).status_code == 401
    return {"anonymous": house.client(), "disabled": disabled, "signed out": out, "role changed": changed}


def test_every_route_was_thought_about(house: House) -> None:
    found = {f"{method} {rule}" for method, rule in routes(house.app)}
    assert found - set(ALLOWED) == set(), "routes that nobody decided about"
    assert set(ALLOWED) - found == set(), "routes that are not there any more"


def test_whatever_changes_something_is_a_post(house: House) -> None:
    for method, rule in routes(house.app):
        assert method in SAFE | {"POST"}, rule


@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_see_the_sign_in_and_nothing_else(
    house: House, places: dict[str, dict[str, str]], strangers: dict[str, FormClient], who: str
) -> None:
    client, before = strangers[who], house.state()
    for method, rule in routes(house.app):
        if ALLOWED[f"{method} {rule}"] & (PUBLIC | ENTRANCE):
            continue
        for address in [existing(rule, places), *guessed(rule)]:
            answer = client.open(address, method=method)
            assert answer.status_code == 303, f"{method} {address}"
            assert answer.headers["Location"].startswith("/app/login"), f"{method} {address}"
            assert "On calm" not in answer.text
            assert client.open(address, method="HEAD").status_code == 303, address
            assert client.open(address, method="OPTIONS").status_code == 303, address
            script = client.open(address, method=method, headers={"X-Requested-With": "fetch"})
            assert script.status_code == 401, f"{method} {address}"
            assert "On calm" not in script.text
    assert house.state() == before


@pytest.mark.parametrize("role", ROLES)
def test_closed_doors_are_closed_whatever_is_behind_them(
    house: House, places: dict[str, dict[str, str]], role: str
) -> None:
    client, tried = house.signed_in(role), 0
    token, before = client.token("/app/me"), house.state()
    for method, rule in routes(house.app):
        if ALLOWED[f"{method} {rule}"] & {role, *PUBLIC, *ENTRANCE}:
            continue
        here = existing(rule, places)
        answer = client.open(here, method=method, data={"csrf_token": token, "hash": "x"})
        assert answer.status_code == 403, f"{method} {here} as {role}: {answer.status_code}"
        for address in guessed(rule):
            answer = client.open(address, method=method, data={"csrf_token": token})
            assert answer.status_code in (403, 404), f"{method} {address} as {role}: {answer.status_code}"
        tried += 1
    assert (tried == 0) is (role == "admin")
    assert house.state() == before


@pytest.mark.parametrize("role", ROLES)
def test_open_doors_show_what_is_there_and_tell_nothing_of_what_is_not(
    house: House, places: dict[str, dict[str, str]], role: str
) -> None:
    client = house.signed_in(role)
    for method, rule in routes(house.app):
        if method != "GET" or role not in ALLOWED[f"{method} {rule}"]:
            continue
        here = existing(rule, places)
        with client.get(here) as answer:
            gone = here.endswith("0" * 40)  # a preview that nobody made
            assert answer.status_code in ((404,) if gone else (200, 303)), f"{here} as {role}"
            if answer.status_code == 200:
                assert_head_tells_the_same(client, here, answer)
        for address in guessed(rule):
            assert client.get(address).status_code == 404, f"{address} as {role}"
    before = house.state()
    for method, rule in routes(house.app):  # once more, with all counts up to date: looking changes nothing
        if method == "GET" and role in ALLOWED[f"{method} {rule}"]:
            client.get(existing(rule, places)).close()
    assert house.state() == before


def assert_head_tells_the_same(client: FormClient, address: str, answer: Response) -> None:
    with client.head(address) as head:
        assert (head.status_code, head.data) == (answer.status_code, b""), address
        assert head.mimetype == answer.mimetype, address


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_changed_without_a_token(
    house: House, places: dict[str, dict[str, str]], role: str
) -> None:
    client, other = house.signed_in(role), house.client()
    foreign, before = other.token("/app/login"), house.state()
    for method, rule in routes(house.app):
        if method == "POST" and rule.startswith("/app"):
            here = existing(rule, places)
            for data in ({}, {"csrf_token": "made.up.token"}, {"csrf_token": foreign}):
                answer = client.post(here, data=data)
                assert answer.status_code == 400, f"{here} as {role}: {answer.status_code}"
            assert client.post(here, json={}).status_code == 400, here
    assert house.state() == before


def test_secret_addresses_alone_take_posts_without_a_token(house: House) -> None:
    open_posts = {
        rule for method, rule in routes(house.app) if method == "POST" and not rule.startswith("/app")
    }
    of_rooms = {"/d/<token>/<item>/seen", "/d/<token>/steps/<step>", "/d/<token>/questions"}
    assert open_posts == {"/t/<token>/u", "/d/<token>", "/d/<token>/seen", *of_rooms}


def test_other_methods_are_refused(house: House, places: dict[str, dict[str, str]]) -> None:
    client, token = house.signed_in("admin"), house.signed_in("admin").token("/app/me")
    before = house.state()
    for _, rule in routes(house.app):
        here = existing(rule, places)
        for method in ("TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "PROPFIND"):
            answer = client.open(here, method=method, headers={"X-CSRFToken": token, "Cookie2": "echo-me"})
            assert answer.status_code in (400, 405), f"{method} {here}: {answer.status_code}"
            assert "echo-me" not in answer.text
        options = client.options(here)
        assert options.status_code == 200, here
        assert set(options.headers["Allow"].split(", ")) <= SAFE | {"POST"}, here
        assert "Access-Control-Allow-Origin" not in options.headers, here
    assert house.state() == before


def test_a_header_does_not_change_the_method(house: House, places: dict[str, dict[str, str]]) -> None:
    client, token = house.signed_in("admin"), house.signed_in("admin").token("/app/me")
    override = {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "DELETE", "X-CSRFToken": token}
    for _, rule in routes(house.app):
        here = existing(rule, places)
        with client.get(here) as plain, client.get(here, headers=override) as overridden:
            assert overridden.status_code == plain.status_code, here


def test_a_preview_belongs_to_whoever_made_it(house: House) -> None:
    marketer, admin = house.signed_in("marketer"), house.signed_in("admin")
    found = re.search(r"/app/content/preview/[0-9a-f]{40}", marketer.get("/app/content/calm").text)
    assert found
    with marketer.get(found[0]) as mine:
        assert mine.status_code == 200
        assert "sandbox" in mine.headers["Content-Security-Policy"]
    kept = house.workspace.config.run_dir / "scratch"
    made_by_admin = re.search(r"/app/content/preview/[0-9a-f]{40}", admin.get("/app/content/letter").text)
    assert made_by_admin
    assert len(list(kept.iterdir())) >= 2
    assert marketer.get(made_by_admin[0]).status_code == 404


def test_ids_are_not_the_numbers_of_rows(house: House) -> None:
    assert all(
        re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in house.ids.values()
    )


def test_every_answer_says_how_it_is_to_be_treated(house: House, places: dict[str, dict[str, str]]) -> None:
    client = house.signed_in("admin")
    for method, rule in routes(house.app):
        if method != "GET":
            continue
        with client.get(existing(rule, places)) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe-eval" not in policy, rule
            assert "script-src 'self'" in policy or "default-src 'none'" in policy, rule
            assert answer.headers["X-Content-Type-Options"] == "nosniff", rule
            assert "Server" not in answer.headers, rule
            if rule.startswith("/app/") and "static" not in rule:
                assert "private" in answer.headers["Cache-Control"], rule
