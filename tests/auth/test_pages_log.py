"""The page of the log: who did what, page by page, without secrets."""

from sqlalchemy import select

from cms_core.auth.models import AuditEntry
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace

from .conftest import row


def test_the_log_shows_who_did_what_without_secrets(as_admin: FormClient, workspace: Workspace) -> None:
    data = {"email": "new@example.com", "name": "", "role": "rep", "password": "canary-new-1"}
    as_admin.submit("/app/users", data, "/app/users")
    page = as_admin.get("/app/audit?kind=user").text

    assert "admin@example.com" in page
    assert "sign-in user" in page
    assert "new@example.com" in page
    assert "canary" not in page
    assert "argon2" not in page
    with workspace.db.session() as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert last is not None
        assert (last.action, last.via, last.user_id) == ("create", "web", 1)


def test_the_log_is_read_page_by_page(as_admin: FormClient, workspace: Workspace) -> None:
    from cms_core.auth import audit, listing

    with workspace.db.transaction() as session:
        for n in range(60):
            audit.note(session, "import", "thing", f"subject-{n}", {"n": n})
    with workspace.db.session() as session:
        first = listing.audit_page(session, kind="thing")
        rest = listing.audit_page(session, kind="thing", before=first.next)
        assert [line.subject for line in [*first.lines, *rest.lines]] == [
            f"subject-{n}" for n in range(59, -1, -1)
        ]
        assert rest.next is None
        assert len(listing.audit_page(session, subject="subject-7").lines) == 1
    assert "Older" in as_admin.get("/app/audit").text


def test_the_log_calls_things_by_their_present_names(as_admin: FormClient, workspace: Workspace) -> None:
    from cms_core.auth import audit, listing

    found = row(workspace, "rep@example.com")
    with workspace.db.transaction() as session:
        audit.note(session, "import", "nothing_of_the_core", "subject-1", {})
    with workspace.db.session() as session:
        lines = listing.audit_page(session).lines
    assert [line.label for line in lines if line.subject == found.public_id] == ["rep@example.com"]
    assert lines[0].label == "subject-1"


def test_signing_in_and_out_is_in_the_log(as_admin: FormClient, workspace: Workspace) -> None:
    as_admin.submit("/app/logout", {}, "/app/me")
    with workspace.db.session() as session:
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id.desc()).limit(2)))
    assert actions == ["sign-out", "sign-in"]
