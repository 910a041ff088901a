"""Frequency caps and quiet hours in the app and on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select

from cms_core.audience import caps, quiet
from cms_core.auth.models import AuditEntry, User
from cms_core.testing.client import FormClient
from cms_core.testing.pages import app_of, signed_in
from cms_core.workspace import Workspace

Cms = Callable[..., Result]


@pytest.fixture
def admin(workspace: Workspace, people: dict[str, User]) -> FormClient:
    """A browser in which an admin is signed in."""
    return signed_in(app_of(workspace), "admin")


PAGE = "/app/limits"


def test_a_cap_is_added_and_removed_on_the_page(admin: FormClient, workspace: Workspace) -> None:
    assert "No caps yet" in admin.get(PAGE).text
    assert admin.submit(f"{PAGE}/caps", {"most": "3", "days": "7"}, PAGE).status_code == 303
    assert "of 3 in 7 days" in admin.get(PAGE).text
    again = admin.submit(f"{PAGE}/caps", {"most": "5", "days": "7"}, PAGE)
    assert again.status_code == 422
    assert "a cap of 3 in 7 days already" in again.text
    with workspace.db.session() as session:
        (made,) = caps.list_all(session)
    admin.submit(f"{PAGE}/caps/{made.public_id}/remove", {}, PAGE)
    with workspace.db.session() as session:
        assert caps.list_all(session) == []
        kinds = session.execute(
            select(AuditEntry.action, AuditEntry.kind).where(AuditEntry.kind == "cap")
        ).all()
    assert len(kinds) == 2, "both stand in the audit log"


def test_quiet_hours_are_set_and_removed_on_the_page(admin: FormClient, workspace: Workspace) -> None:
    wrong = admin.submit(f"{PAGE}/quiet", {"channel": "email", "starts": "9", "ends": "10:00"}, PAGE)
    assert wrong.status_code == 422
    assert "is not a time of the day" in wrong.text
    admin.submit(f"{PAGE}/quiet", {"channel": "email", "starts": "21:00", "ends": "08:00"}, PAGE)
    assert "21:00 to 08:00" in admin.get(PAGE).text
    admin.submit(f"{PAGE}/quiet/email/remove", {}, PAGE)
    with workspace.db.session() as session:
        assert quiet.list_all(session) == []


def test_who_may_not_set_limits_sees_them(marketer: FormClient) -> None:
    page = marketer.get(PAGE).text
    assert "Frequency caps" in page or "No caps yet" in page
    assert "Add a cap" not in page


def said(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_commands(cms: Cms, tmp_path: Path) -> None:
    cms(
        "init", tmp_path / "ws", "--admin-email", "a@example.com", "--admin-password", "correct horse battery"
    )
    made = said(cms("caps", "add", "3", "--days", "7", "--channel", "email", "--json"))
    assert (
        said(cms("caps", "list", "--json"))
        == [made]
        == [{"id": made["id"], "most": 3, "days": 7, "channel": "email"}]
    )
    assert (
        "no channel 'site' sends to people"
        in said(cms("caps", "add", "3", "--days", "7", "--channel", "site", "--json"), 1)["error"]["message"]
    )
    assert said(cms("caps", "remove", made["id"], "--json")) == made
    assert said(cms("caps", "list", "--json")) == []
    hours = said(cms("quiet-hours", "set", "email", "--from", "21:00", "--to", "08:00", "--json"))
    assert (
        said(cms("quiet-hours", "list", "--json"))
        == [hours]
        == [{"channel": "email", "from": "21:00", "to": "08:00"}]
    )
    assert said(cms("quiet-hours", "remove", "email", "--json")) == hours
    cms("users", "add", "m@example.com", "--role", "marketer", "--password", "correct horse battery")
    assert cms("--as", "m@example.com", "caps", "add", "3", "--days", "7").exit_code == 1
