"""What plugins keep in the core: files without an address, and assets of their own kinds."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from cms_core.auth.models import User
from cms_core.content import files, media
from cms_core.content import service as content
from cms_core.errors import Forbidden, Invalid, NotFound
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
    again = svc.save_asset("article", "A title", {"text": "More"}, slug="a-title")
    assert (again.id, again.revision, again.state) == (saved.id, 2, "in_review")
    with workspace.db.session() as session:
        first = content.find(session, "a-title").revisions[0]
        assert [each.sha256 for each in first.media] == [kept.sha256]
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
