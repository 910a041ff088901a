"""Who gets in, and how far."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from cms_core.auth import service, tokens
from cms_core.auth.models import ApiToken, AuditEntry, Role, User
from cms_core.clock import FrozenClock
from cms_core.testing.pages import signed_in
from cms_core.workspace import Workspace

from .conftest import V1, Caller, Calls

FOR_ALL = {"people.me", "people.list_tokens", "people.one_token", "people.revoke_token"} | {
    f"notices_api.{name}" for name in ("notices", "read_notice", "read_all")
}
OPEN = {"rest.openapi"}


def doors(app: Flask) -> list[tuple[str, str, str, str | None]]:
    """(method, address, endpoint, permission) of every route of the REST interface."""
    return [
        (
            method,
            re.sub(r"<[^>]+>", "nothing", rule.rule),
            rule.endpoint,
            getattr(app.view_functions[rule.endpoint], "cms_permission", None),
        )
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_call_states_who_may_use_it(app: Flask, workspace: Workspace) -> None:
    stated = {endpoint: permission for _, _, endpoint, permission in doors(app)}
    assert {name for name, permission in stated.items() if not permission} == FOR_ALL | OPEN
    assert {permission for permission in stated.values() if permission} <= set(workspace.plugins.permissions)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer cms_00000000_" + "x" * 43]
)
def test_nobody_gets_in_without_a_good_token(app: Flask, people: dict[str, User], header: str) -> None:
    client = app.test_client()
    for method, address, endpoint, _ in doors(app)[: 50 if header == "" else 3]:
        if endpoint not in OPEN:
            answer = client.open(address, method=method, headers={"Authorization": header} if header else {})
            assert answer.status_code == 401, f"{method} {address}"
            assert answer.json is not None
            assert set(answer.json["error"]) == {"message", "remedy"}
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_session_of_the_app_is_worth_nothing_here(app: Flask, people: dict[str, User]) -> None:
    client = signed_in(app, "admin")
    cookie = client.get_cookie("cms_session", path="/app")
    assert cookie is not None
    answer = client.get(f"{V1}/me", headers={"Cookie": f"cms_session={cookie.value}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("role", list(Role))
def test_each_role_passes_the_doors_that_are_its_own_and_no_other(
    app: Flask, workspace: Workspace, calls: Calls, role: Role
) -> None:
    call = calls(role)
    for method, address, endpoint, permission in doors(app):
        if endpoint in OPEN:
            continue
        allowed = not permission or role in workspace.plugins.permissions[permission].roles
        answer = call(method, address.removeprefix(V1))
        assert (answer.status_code != 403) is allowed, f"{method} {address} as {role}: {answer.text}"
        assert answer.status_code < 500, f"{method} {address} as {role}"


@pytest.mark.parametrize(
    ("scopes", "permission", "reached"),
    [
        (("read",), "content.read", True),
        (("read",), "content.edit", False),
        (("read",), "system.admin", False),
        (("write",), "content.read", True),
        (("write",), "content.approve", True),
        (("write",), "system.admin", False),
        (("admin",), "system.admin", True),
        (("admin",), "content.read", False),
        (("content:read",), "content.read", True),
        (("content:read",), "audience.read", False),
        (("content:write",), "content.edit", True),
        (("content:write",), "content.read", True),
        (("content:write",), "publishing.act", False),
        ((), "content.read", False),
    ],
)
def test_scopes_reach_what_they_say(scopes: tuple[str, ...], permission: str, reached: bool) -> None:
    assert tokens.covers(scopes, permission) is reached


def test_a_scope_never_lifts_a_role(calls: Calls) -> None:
    viewer = calls("viewer", "write", "admin")
    assert viewer("GET", "/content").status_code == 200
    assert viewer("POST", "/content", {"kind": "article", "title": "A"}).status_code == 403
    assert viewer("GET", "/users").status_code == 403
    narrow = calls("admin", "content:read")
    assert narrow("GET", "/content").status_code == 200
    refused = narrow("GET", "/contacts")
    assert refused.status_code == 403
    assert "content:read" in refused.json["error"]["message"]
    me = narrow("GET", "/me").json
    assert me["permissions"] == ["content.read"]


def test_no_token_makes_itself_a_larger_one(calls: Calls) -> None:
    assert calls("admin", "read", "write")("POST", "/tokens", {"scopes": ["admin"]}).status_code == 403
    assert calls("marketer")("POST", "/tokens", {}).status_code == 403
    made = calls("admin", "admin")("POST", "/tokens", {"user": "rep@example.com", "scopes": ["read"]})
    assert made.status_code == 201
    assert made.json["token"].startswith(made.json["prefix"])


def test_a_token_ends_when_it_is_revoked_its_time_is_over_or_its_user_is_disabled(
    workspace: Workspace, app: Flask, token_of: Callable[..., str], clock: FrozenClock
) -> None:
    kept, revoked, short = (token_of("rep", expires=each) for each in ("", "", "2026-05-04"))
    client = app.test_client()

    def status(token: str) -> int:
        return Caller(client, token)("GET", "/me").status_code

    assert [status(each) for each in (kept, revoked, short)] == [200, 200, 200]
    assert (
        Caller(client, revoked)("DELETE", f"/tokens/{revoked[:12]}", headers={"If-Match": "*"}).status_code
        == 200
    )
    clock.at += timedelta(days=1)
    assert [status(each) for each in (kept, revoked, short)] == [200, 401, 401]
    with workspace.db.transaction() as session:
        service.disable(session, service.find_user(session, "rep@example.com"))
    assert status(kept) == 401
    with workspace.db.transaction() as session:
        service.enable(session, service.find_user(session, "rep@example.com"))
    assert status(kept) == 401, "a token does not come back with its user"


def test_the_text_of_a_token_is_nowhere(workspace: Workspace, admin: Caller) -> None:
    made = admin("POST", "/tokens", {"name": "canary"}, headers={"Idempotency-Key": "k1"}).json["token"]
    assert admin("GET", "/tokens").text.count(made) == 0
    with workspace.db.session() as session:
        for table in ("core_api_token", "core_audit", "core_idempotency_key"):
            rows = session.connection().exec_driver_sql(f"SELECT * FROM {table}").all()  # noqa: S608
            assert rows
            assert made not in str(rows)
            assert (
                session.scalars(select(ApiToken.token_hash)).first() not in str(rows)
                or table == "core_api_token"
            )


def test_what_a_token_does_is_in_the_log_by_its_name(workspace: Workspace, calls: Calls) -> None:
    call = calls("marketer")
    call("POST", "/content", {"kind": "article", "title": "A"})
    with workspace.db.session() as session:
        vias = set(session.scalars(select(AuditEntry.via).where(AuditEntry.kind == "asset")))
    assert vias == {f"rest {call.token[4:12]}"}


def test_use_is_noted_about_every_five_minutes(
    workspace: Workspace, admin: Caller, clock: FrozenClock
) -> None:
    def used() -> str:
        return str(admin("GET", "/tokens").json["items"][0]["last_used_at"])

    first = used()
    assert first.startswith("2026-05-04T07:00:00")
    clock.at += timedelta(minutes=4)
    assert used() == first
    clock.at += timedelta(minutes=4)
    assert used().startswith("2026-05-04T07:08:00")


def test_wrong_tokens_are_slowed_down_and_good_ones_are_not(app: Flask, admin: Caller) -> None:
    from cms_core.web.session import limiter

    limiter.reset()
    wrong = Caller(app.test_client(), "cms_00000000_" + "x" * 43)
    answers = [wrong("GET", "/me") for _ in range(62)]
    assert [each.status_code for each in answers[:60]] == [401] * 60
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Retry-After"]
    assert admin("GET", "/me").status_code == 200
    limiter.reset()
