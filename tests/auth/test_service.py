"""Users: what is accepted, who acts, what ends sessions, and the whole table of permissions."""

import subprocess
import sys

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from cms_core.auth import service
from cms_core.auth.models import Role, User
from cms_core.errors import ConfigError, Conflict, Forbidden, Invalid, NotFound
from cms_core.workspace import Workspace

PASSWORD = "correct horse battery"
ADMIN, MARKETER, APPROVER, REP, VIEWER = "admin", "marketer", "approver", "rep", "viewer"
TABLE = {
    "content.read": {ADMIN, MARKETER, APPROVER, REP, VIEWER},
    "content.edit": {ADMIN, MARKETER},
    "content.approve": {ADMIN, APPROVER},
    "calendar.read": {ADMIN, MARKETER, APPROVER, VIEWER},
    "calendar.edit": {ADMIN, MARKETER},
    "publishing.act": {ADMIN, MARKETER},
    "audience.read": {ADMIN, MARKETER},
    "audience.edit": {ADMIN, MARKETER},
    "reports.read": {ADMIN, MARKETER, APPROVER, VIEWER},
    "connections.edit": {ADMIN},
    "system.admin": {ADMIN},
}


def add(session: Session, email: str, role: str = "admin") -> User:
    return service.create_user(session, email, "", role, PASSWORD)


def test_the_table_of_permissions_is_complete(workspace: Workspace) -> None:
    assert set(workspace.plugins.permissions) == set(TABLE)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", [*TABLE, "no.such"])
def test_each_role_may_do_what_the_table_says(workspace: Workspace, role: Role, permission: str) -> None:
    user = User(email="a@example.com", role=role, disabled_at=None)
    expected = role in TABLE.get(permission, set())

    assert service.can(workspace.plugins, user, permission) is expected
    if expected:
        service.require(workspace.plugins, user, permission)
    else:
        with pytest.raises(Forbidden, match=f"a@example.com \\({role}\\) may not"):
            service.require(workspace.plugins, user, permission)


def test_a_disabled_user_may_do_nothing(workspace: Workspace, session: Session) -> None:
    add(session, "a@example.com")
    user = add(session, "b@example.com")
    service.disable(session, user)

    assert not any(service.can(workspace.plugins, user, permission) for permission in TABLE)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (" Ann@Example.COM ", "ann@example.com"),
        ("admin@localhost", "admin@localhost"),
        ("jörg@bücher.example", "jörg@bücher.example"),
    ],
)
def test_an_address_is_stored_in_one_form_only(session: Session, text: str, stored: str) -> None:
    assert add(session, text).email == stored
    assert service.find_user(session, text).email == stored
    with pytest.raises(Conflict, match="already"):
        add(session, stored.upper())


@pytest.mark.parametrize(
    "text", ["", "ann", "ann@", "@example.com", "a b@example.com", "a@example.com\r\nBcc: b@c.d", "x" * 400]
)
def test_what_is_no_address_is_refused_with_the_reason(session: Session, text: str) -> None:
    with pytest.raises(Invalid, match="is not an e-mail address"):
        add(session, text)


def test_an_unknown_role_is_refused_naming_those_there_are(session: Session) -> None:
    with pytest.raises(Invalid) as caught:
        add(session, "a@example.com", "root")
    assert "admin, marketer, approver, rep, viewer" in caught.value.remedy


@pytest.mark.parametrize("password", ["", "short77", "x" * 257])
def test_a_password_outside_the_policy_is_refused_and_not_repeated(session: Session, password: str) -> None:
    with pytest.raises(Invalid, match=f"has {len(password)} characters") as caught:
        service.create_user(session, "a@example.com", "", "admin", password)
    assert not password or password not in f"{caught.value} {caught.value.remedy}"


@given(st.text(min_size=8, max_size=256).filter(lambda text: text.isprintable()))
def test_policy_looks_at_length_only(password: str) -> None:
    assert service.checked_password(password) == password


def test_the_first_admin_acts_unless_another_is_named(session: Session) -> None:
    add(session, "rep@example.com", "rep")
    first = add(session, "first@example.com")
    second = add(session, "second@example.com")

    assert service.acting_user(session, None) is first
    assert service.acting_user(session, "Second@example.com") is second
    service.disable(session, first)
    assert service.acting_user(session, None) is second


def test_nobody_unknown_or_disabled_acts(session: Session) -> None:
    with pytest.raises(ConfigError, match="no admin"):
        service.acting_user(session, None)
    add(session, "a@example.com")
    service.disable(session, add(session, "b@example.com"))
    with pytest.raises(NotFound, match=r"no user 'c@example\.com'"):
        service.acting_user(session, "c@example.com")
    with pytest.raises(Forbidden, match="disabled"):
        service.acting_user(session, "b@example.com")


def test_solo_mode_ends_with_the_second_active_user(session: Session) -> None:
    assert not service.solo_mode(session)
    add(session, "a@example.com")
    assert service.solo_mode(session)
    other = add(session, "b@example.com", "viewer")
    assert not service.solo_mode(session)
    service.disable(session, other)
    assert service.solo_mode(session)


def test_only_the_right_password_of_an_active_user_signs_in(session: Session) -> None:
    add(session, "a@example.com")
    user = add(session, "b@example.com")

    assert service.authenticate(session, " B@example.com", PASSWORD) is user
    assert service.authenticate(session, "b@example.com", PASSWORD + " ") is None
    service.disable(session, user)
    assert service.authenticate(session, "b@example.com", PASSWORD) is None
    service.enable(session, user)
    assert service.authenticate(session, "b@example.com", PASSWORD) is user


def test_argon2_runs_once_whoever_is_asked_for(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    add(session, "a@example.com")
    service.disable(session, add(session, "off@example.com"))
    runs: list[str] = []

    class Counting(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            runs.append("hash")
            return super().hash(password, salt=salt)

        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
            runs.append("verify")
            return super().verify(hash, password)  # type: ignore[return-value]

    monkeypatch.setattr(service, "hasher", Counting(time_cost=1, memory_cost=64, parallelism=1))
    for email in ("a@example.com", "off@example.com", "nobody@example.com", "not an address"):
        assert service.authenticate(session, email, "wrong password") is None
    assert runs == ["verify", "hash", "hash", "hash"]


def test_a_password_costs_what_owasp_asks_for() -> None:
    """In a process of its own: in tests it is cheap."""
    asked = "from cms_core.auth.service import hasher as h; print(h.time_cost, h.memory_cost, h.parallelism)"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["2", "19456", "1"]


def test_the_hash_says_argon2id_and_never_shows_itself(session: Session) -> None:
    user = add(session, "a@example.com")

    assert user.password_hash.startswith("$argon2id$")
    assert user.password_hash not in repr(user)


def test_password_role_and_disabling_end_sessions_and_a_new_name_does_not(session: Session) -> None:
    add(session, "first@example.com")
    user = add(session, "a@example.com")
    epochs = [user.session_epoch]
    service.set_password(session, user, "another password")
    epochs.append(user.session_epoch)
    service.change_role(session, user, "viewer")
    epochs.append(user.session_epoch)
    service.disable(session, user)
    epochs.append(user.session_epoch)
    service.update_profile(session, user, "New  Name", "Europe/Paris")
    epochs.append(user.session_epoch)

    assert epochs == [1, 2, 3, 4, 4]
    assert user.name == "New Name"


def test_the_last_admin_stays_one(session: Session) -> None:
    admin = add(session, "a@example.com")
    with pytest.raises(Invalid, match="only admin"):
        service.disable(session, admin)
    with pytest.raises(Invalid, match="only admin"):
        service.change_role(session, admin, "viewer")
    service.change_role(session, admin, "admin")
    add(session, "b@example.com")
    service.change_role(session, admin, "viewer")
    assert admin.role == "viewer"


def test_ones_own_password_needs_the_present_one(session: Session) -> None:
    user = add(session, "a@example.com")
    with pytest.raises(Invalid, match="present password is wrong"):
        service.change_password(session, user, "a guess", "another password")
    service.change_password(session, user, PASSWORD, "another password")
    assert service.authenticate(session, "a@example.com", "another password") is user


def test_a_zone_must_exist(session: Session) -> None:
    user = add(session, "a@example.com")
    with pytest.raises(Invalid, match="is not a time zone"):
        service.update_profile(session, user, "", "Europe/Atlantis")


def test_plugins_see_no_more_than_who_it_is(session: Session) -> None:
    user = add(session, "a@example.com")
    seen = service.as_contract(user)

    assert (seen.id, seen.email, seen.role) == (user.public_id, "a@example.com", "admin")
    assert not hasattr(seen, "password_hash")
