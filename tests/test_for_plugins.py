"""What plugins keep in the core and have it do: files without an address, assets of their own kinds, mail of the system."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from cms_core import personal
from cms_core.audience import contacts
from cms_core.auth import audit
from cms_core.auth.models import User
from cms_core.content import files, media
from cms_core.content import service as content
from cms_core.contract import Contact
from cms_core.errors import Forbidden, Invalid, NotFound
from cms_core.notices.models import Mail, Purpose
from cms_core.services import Services
from cms_core.testing.pages import add_people, app_of, signed_in
from cms_core.transfer.archive import write_archive
from cms_core.workspace import Workspace

MIME = "application/x-of-a-plugin"


@pytest.fixture
def people(workspace: Workspace) -> dict[str, User]:
    return add_people(workspace)


def services(workspace: Workspace, user: User | None = None) -> Services:
    return Services(workspace, "any", (user.id, "cli") if user else None)


def test_a_kept_file_is_there_for_the_plugin_alone(workspace: Workspace, people: dict[str, User]) -> None:
    svc = services(workspace, people["marketer"])
    kept = svc.keep_file(b"secret", "Some Deck.PPTX", MIME)
    assert (kept.url, kept.mime, kept.filename) == ("", MIME, "some-deck.pptx")
    assert Path(kept.path).read_bytes() == b"secret"
    assert svc.keep_file(b"secret", "other.pptx", MIME).id == kept.id, "the same content is one file"
    assert svc.file(kept.sha256) == kept
    assert svc.file("0" * 64) is None
    browser = signed_in(app_of(workspace), "admin")
    assert browser.get(f"/media/{kept.sha256}/{kept.filename}").status_code == 404
    with workspace.db.session() as session:
        assert not files.list_files(session, files.FileFilter())[0]
        with pytest.raises(NotFound):
            media.find_by_public_id(session, kept.id)


def test_a_kept_file_goes_along_in_an_export(
    workspace: Workspace, people: dict[str, User], tmp_path: Path
) -> None:
    kept = services(workspace).keep_file(b"secret", "x.pptx", MIME)
    write_archive(workspace, tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.read(f"media/{kept.sha256}") == b"secret"


def test_a_kept_file_has_a_limit(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_PRIVATE_BYTES", 3)
    with pytest.raises(Invalid, match="at most 3"):
        services(workspace).keep_file(b"four", "x", MIME)


def test_a_kept_picture_is_encoded_again_and_public_once_somebody_uploads_it(workspace: Workspace) -> None:
    data = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(data, "PNG")
    svc = services(workspace)
    kept = svc.keep_picture(data.getvalue() + b"<script>", "logo.png")
    assert (kept.url, kept.mime) == ("", "image/png")
    assert b"<script>" not in Path(kept.path).read_bytes()
    with pytest.raises(Invalid, match="no picture"):
        svc.keep_picture(b"%PDF-1.4", "x.pdf")
    stored = media.take_in(workspace.config.media_dir, data.getvalue(), "logo.png")
    with workspace.db.transaction() as session:
        media.record(session, stored)
    found = svc.file(kept.sha256)
    assert found is not None
    assert found.url.endswith("/logo.png")
    assert svc.keep_picture(data.getvalue(), "again.png").url == found.url, "and stays so"


def test_an_asset_is_saved_for_its_author_and_put_up_for_review(
    workspace: Workspace, people: dict[str, User]
) -> None:
    svc = services(workspace, people["marketer"])
    kept = svc.keep_file(b"secret", "x.pptx", MIME)
    body = {"text": "Words", "file": f"/media/{kept.sha256}/x.pptx"}
    saved = svc.save_asset("article", "A title", body)
    assert (saved.slug, saved.revision, saved.state) == ("a-title", 1, "in_review")
    assert svc.save_asset("article", "A title", body, slug="a-title") == saved, "the same words add nothing"
    assert svc.saved(saved.id) == saved
    again = svc.save_asset("article", "A title", {"text": "More"}, slug="a-title")
    assert (again.id, again.revision, again.state) == (saved.id, 2, "in_review")
    with workspace.db.session() as session:
        first = content.find(session, "a-title").revisions[0]
        assert [each.sha256 for each in first.media] == [kept.sha256]
    assert svc.saved(saved.id) == again
    with workspace.db.transaction() as session:
        content.find(session, "a-title").archived_at = workspace.db.clock.now()
    assert svc.saved(saved.id) is None, "it was put away"
    assert svc.saved("nothing") is None
    with pytest.raises(NotFound):
        svc.save_asset("article", "X", {}, slug="nothing")
    with pytest.raises(Forbidden):
        services(workspace, people["rep"]).save_asset("article", "X", {})
    with pytest.raises(Forbidden):
        services(workspace).save_asset("article", "X", {})


def test_who_works_alone_approves_with_the_save(workspace: Workspace) -> None:
    from cms_core.auth.service import create_user

    with workspace.db.transaction() as session:
        alone = create_user(session, "ada@example.com", "Ada", "admin", "correct horse battery")
    svc = services(workspace, alone)
    assert svc.save_asset("article", "A title", {"text": "Words"}).state == "approved"
    assert svc.asset("a-title") is not None


def mailing(workspace: Workspace) -> Workspace:
    """The same with a server for its own mail, which nobody asks."""
    config = replace(workspace.config, mail_url="smtp://mail.example.com", mail_from="cms@example.com")
    return replace(workspace, config=config)


def mails(workspace: Workspace) -> list[tuple[str, str, str, str]]:
    with workspace.db.session() as session:
        found = session.scalars(select(Mail).order_by(Mail.id))
        return [(each.purpose, each.address, each.subject, each.body) for each in found]


def test_a_plugin_mails_in_the_name_of_the_system(workspace: Workspace) -> None:
    svc = services(workspace)
    assert (svc.sends_mail, svc.send_mail("ann@acme.test", "A code", "123456")) == (False, False)
    assert mails(workspace) == [], "where no server is configured nothing is written"
    svc = services(mailing(workspace))
    assert (svc.sends_mail, svc.send_mail(" Ann@Acme.test", "A\r\nBcc: x@y.z", "123456")) == (True, True)
    assert mails(workspace) == [(Purpose.PLUGIN, "ann@acme.test", "A Bcc: x@y.z", "123456")]
    with pytest.raises(Invalid, match="no @-sign"):
        svc.send_mail("nobody", "A code", "123456")


def test_a_mail_of_a_plugin_is_part_of_what_changed_and_goes_with_its_person(workspace: Workspace) -> None:
    svc = services(mailing(workspace))

    def fail() -> None:
        with svc.transaction():
            svc.send_mail("ann@acme.test", "A code", "123456")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert mails(workspace) == []
    svc.upsert_contacts([Contact("", "ann@acme.test")])
    for address in ("ann@acme.test", "ben@acme.test"):
        svc.send_mail(address, "A code", "123456")
    with workspace.db.session() as session:
        key = contacts.find_or_none(session, "ann@acme.test").id
    assert [each["subject"] for each in personal.export(workspace, key)["mails"]] == ["A code"]
    personal.erase(workspace, key, audit.SYSTEM)
    assert [each[1] for each in mails(workspace)] == ["ben@acme.test"]
