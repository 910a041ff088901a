"""Fields that a form does not have are never taken, whoever sends them."""

from sqlalchemy import select

from cms_core.auth.models import User
from cms_core.content import service as content
from cms_core.content.revisions import head_of

from .house import PASSWORD, House, fill_in

EXTRA = {
    "id": "1", "public_id": "x", "role": "admin", "is_admin": "1", "owner_id": "1", "author_id": "1", "state": "approved",
    "created_at": "2000-01-01", "password_hash": "x", "session_epoch": "99", "disabled_at": "", "score": "9", "key": "stolen",
    "__class__": "x", "content_hash": "x", "verified_at": "2026-01-01", "credentials": "x", "channel": "x",
}  # fmt: skip


def test_fields_that_a_form_does_not_have_are_never_taken(house: House) -> None:
    """Each form is sent with everything else that a row has; what it makes is as if they had not been sent, or it is refused."""
    viewer = house.as_role("viewer")
    answer = viewer.submit("/app/me", {**EXTRA, "name": "Viewer", "timezone": "UTC"})
    assert answer.status_code == 422
    with house.workspace.db.session() as session:
        row = session.scalars(select(User).where(User.email == "viewer@acme.test")).one()
        assert (row.role, row.password_hash != "x") == ("viewer", True)
    dates = {"start": "2026-05-01", "end": "2026-05-31", "tz": "UTC"}
    forms = {
        "/app/campaigns/new": {"name": "Assigned", **dates},
        "/app/calendar/new": {"when": "2026-06-01 09:00", "title": "x", "kind": "task"},
        "/app/users": {"email": "assigned@acme.test", "password": PASSWORD, "role": "viewer"},
        "/app/connections/new/email": {
            "connection_name": "x",
            "host": "h.test",
            "from_address": "a@acme.test",
        },
        f"/app/connections/{house.ids['connection:news']}": {"host": "h.test", "from_address": "a@acme.test"},
        "/app/plugins/seo": {},
    }
    house.signed_in("admin")  # before the state is taken: a sign-in changes it
    for address, data in forms.items():
        before = house.state()
        status, _ = fill_in(house, address, {**EXTRA, **data})
        assert status in (404, 422), address
        assert house.state() == before, address


def test_an_editor_cannot_approve_or_rename_by_extra_fields(house: House) -> None:
    client = house.signed_in("marketer")
    answer = client.submit(
        "/app/content/new", {**EXTRA, "kind": "article", "title": "Mine", "text": "x", "slug": "mine"}
    )
    assert answer.status_code == 303
    client.submit(
        "/app/content/mine/edit", {**EXTRA, "title": "Mine", "text": "y", "slug": "calm", "row_version": "1"}
    )
    assert client.get("/app/content/mine").status_code == 200
    with house.workspace.db.session() as session:
        found = content.find(session, "mine")
        assert head_of(session, found).state == "draft"
        assert found.public_id != "x"
