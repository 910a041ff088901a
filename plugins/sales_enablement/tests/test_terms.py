"""What a link may be: what would protect nothing is refused, and the settings' maxima hold when it is made and opened."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cms_core import Contact, Invalid
from cms_core.testing.calls import Caller, caller_of
from cms_core.workspace import Workspace
from cms_sales_enablement import documents, office, opening, panels, presentations, shares, views
from cms_sales_enablement.models import Code, ShareRule, View

from .decks import make
from .doors import mailing

AT = "/sales_enablement"


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    return mailing(workspace)


@pytest.fixture
def pieces(desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An article and a presentation, where slides can be drawn."""
    monkeypatch.setattr(office, "program", lambda: "/usr/bin/soffice")
    desk.write("calm", "The secret words.")
    path = make(tmp_path / "Pitch.pptx", 2)
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve(found.saved.slug)


def refused(desk: Any, named: str, **more: Any) -> Invalid:
    with pytest.raises(Invalid) as error:
        desk.share(named, **more)
    assert error.value.remedy
    assert not shares.listed(desk.services("admin")), "nothing is half made"
    return error.value


# --- what protects nothing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "more", "field", "words"),
    [
        ("calm", {"gate": "sms"}, "gate", "cannot ask"),
        ("calm", {"allow": ["@acme.test"]}, "allow", "would protect nothing"),
        ("calm", {"deny": ["ann@acme.test"]}, "deny", "would protect nothing"),
        ("calm", {"gate": "email", "allow": ["acme.test"]}, "allow", "not an e-mail address"),
        ("calm", {"gate": "email", "deny": ["@"]}, "deny", "not an e-mail address"),
        ("calm", {"gate": "email", "allow": [f"a{n}@b.test" for n in range(501)]}, "allow", "500 entries"),
        ("calm", {"download": True}, "download", "only decks"),
        ("calm", {"gate": "email", "watermark": True}, "watermark", "only the slides"),
        ("pitch", {"watermark": True}, "watermark", "would know none"),
        ("pitch", {"gate": "email", "watermark": True, "download": True}, "watermark", "protect nothing"),
        ("calm", {"max_views": 0}, "max_views", "1 to"),
    ],
)
def test_what_would_protect_nothing_is_refused_with_a_remedy(
    desk: Any, pieces: None, named: str, more: dict[str, Any], field: str, words: str
) -> None:
    error = refused(desk, named, **more)
    assert (error.field, words in str(error)) == (field, True), error


def test_a_watermark_needs_pictures_and_a_verified_gate_needs_mail(
    desk: Any, pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "program", lambda: None)
    assert "libreoffice" in refused(desk, "pitch", gate="email", watermark=True).remedy
    desk.workspace = replace(desk.workspace, config=replace(desk.workspace.config, mail_url=""))
    assert "CMS_MAIL_URL" in refused(desk, "calm", gate="verified").remedy


def test_lists_are_kept_in_one_spelling_and_told(desk: Any, pieces: None) -> None:
    made = desk.share(
        "calm", gate="email", allow=[" @ACME.test", "Ann@B.test", "ann@b.test", " "], deny=["x@y.z"]
    )
    (row,) = documents.links(desk.services(), [shares.find(desk.services(), made.id)])
    assert (row["allow"], row["deny"]) == (["@acme.test", "ann@b.test"], ["x@y.z"])
    five_hundred = [f"a{number}@b.test" for number in range(500)]
    assert desk.share("calm", gate="email", allow=five_hundred).id


# --- the settings -----------------------------------------------------------------------------------------------------


def test_the_least_gate_is_that_of_the_settings(desk: Any, pieces: None, reader: Any) -> None:
    """Security rule 10: the settings set maxima, for links of before too."""
    old = desk.share("calm")
    assert "The secret words." in reader.get(old.url).text
    view = reader.get(old.url).text.partition('data-view="')[2].partition('"')[0]
    desk.services("admin").save_settings({"gate": "verified"})
    assert "Who is reading?" in reader.get(old.url).text
    assert reader.post(f"{old.url}/seen", view=view, n="1", ms="2000").status_code == 404
    shares.revoke(desk.services(), old.id)
    for gate in ("", "email"):
        with pytest.raises(Invalid, match="setting “gate”") as error:
            desk.share("calm", gate=gate)
        assert error.value.field == "gate"
    svc = desk.services()
    assert shares.find(svc, desk.share("calm").id).gate == "verified", (
        "the least is taken where nothing is said"
    )
    (row,) = documents.links(svc, [shares.find(svc, old.id)])
    assert row["gate"] == "verified", "what holds now is told"


def test_no_downloads_is_no_downloads_for_old_links_too(desk: Any, pieces: None, reader: Any) -> None:
    """Security rule 10: whether the file may be downloaded."""
    old = desk.share("pitch", download=True)
    page = reader.get(old.url).text
    at = page.partition('href="')[2] and page.partition("/file/pptx?view=")[2].partition('"')[0]
    url = f"{old.url}/file/pptx?view={at}"
    with reader.get(url) as answer:
        assert answer.status_code == 200
    desk.services("admin").save_settings({"downloads": False})
    assert reader.get(url).status_code == 404
    assert "/file/" not in reader.get(old.url).text
    with pytest.raises(Invalid, match="setting “downloads”"):
        desk.share("pitch", download=True)
    assert "/file/" not in reader.get(desk.share("pitch").url).text


def test_a_shorter_life_ends_old_links_too(desk: Any, pieces: None, reader: Any) -> None:
    """Security rule 10: the longest life of a link."""
    old, short = desk.share("calm"), desk.share("calm", expires="2d")
    desk.clock.at += timedelta(days=1)
    desk.services("admin").save_settings({"longest_days": 1})
    rows = documents.links(desk.services(), shares.listed(desk.services()))
    assert [reader.get(made.url).status_code for made in (old, short)] == [404, 404]
    assert {row["state"] for row in rows} == {"expired"}
    with pytest.raises(Invalid, match="setting “longest_days”"):
        desk.share("calm", expires="2d")
    desk.services("admin").save_settings({"longest_days": 30})
    assert reader.get(old.url).status_code == 200


# --- how often --------------------------------------------------------------------------------------------------------


def test_a_link_ends_after_so_many_looks_that_counted(desk: Any, pieces: None, new_reader: Any) -> None:
    made = desk.share("calm", max_views=2)
    reader = new_reader()
    for _ in range(3):
        assert reader.get(made.url).status_code == 200, "what does not count uses nothing up"
    reader.look(made.url, 3)
    second = reader.look(made.url, 3)
    ended = new_reader().get(made.url)
    assert (ended.status_code, ended.text) == (404, reader.get(f"{made.url[:-3]}~~~").text)
    view = second.text.partition('data-view="')[2].partition('"')[0]
    desk.clock.at += timedelta(seconds=9)
    told = reader.post(f"{made.url}/seen", view=view, n="2", ms="9000")
    assert told.status_code == 204, "who has it open reads on"
    (row,) = documents.links(desk.services(), [shares.find(desk.services(), made.id)])
    assert (row["state"], row["view_count"], row["seconds"]) == ("expired", 2, 12)


def test_of_looks_at_once_no_more_count_than_may(desk: Any, pieces: None, reader: Any) -> None:
    made = desk.share("calm", max_views=1)
    token, svc = made.url.rpartition("/")[2], desk.services()
    opened = opening.open_share(svc, token)
    looks = [views.begin(svc, opened, "human", f"v{number}") for number in range(3)]
    desk.clock.at += timedelta(seconds=5)
    for look in looks:
        views.seen(svc, opened, look, views.Told(1, 4000))
    assert [each.counted for each in views.of_share(svc, opened.share)] == [False, False, True]
    assert len(desk.events()) == 1
    assert opening.open_share(svc, token, looks[0]) is not None
    assert opening.open_share(svc, token, looks[1]) is None


# --- people -----------------------------------------------------------------------------------------------------------


def test_addresses_of_the_gate_are_given_out_and_erased(
    desk: Any, pieces: None, app: Any, reader: Any
) -> None:
    svc = desk.services()
    svc.upsert_contacts([Contact("", "ann@acme.test")])
    made = desk.share("calm", gate="verified")
    allowed = desk.share("calm", gate="email", allow=["ann@acme.test"])
    denied = desk.share("calm", gate="email", deny=["ann@acme.test", "ben@acme.test"])
    for address in ("ann@acme.test", "ben@acme.test"):
        reader.post(made.url, email=address)
        reader.post(made.url, code=desk.codes(address)[-1])
        reader.look(made.url, 4)
    ann = svc.find_contact("ann@acme.test")
    with app.app_context():
        labels = {each.label: dict(each.data) for each in panels.personal_data([ann], erase=False)}
        assert labels["Look at what was shared"]["seconds"] == 4
        assert labels["Look at what was shared"]["verified"]
        assert {"Link that names your address", "Code for a link"} <= set(labels)
        panels.personal_data([ann], erase=True)
        assert panels.personal_data([ann], erase=False) == []
    with svc.session() as session:
        looks = session.execute(select(View.email, View.verified, View.visitor == "").order_by(View.id))
        assert [tuple(each) for each in looks] == [("", False, True), ("ben@acme.test", True, False)]
        assert session.scalars(select(Code.address)).all() == ["ben@acme.test"]
        assert session.scalars(select(ShareRule.what)).all() == ["ben@acme.test"]
    assert reader.get(made.url).status_code == 200
    for link in (allowed, denied):
        assert reader.get(link.url).status_code == 404, "without the name it would be open to others"


def test_a_notice_names_only_whom_an_erasure_would_find(desk: Any, pieces: None, reader: Any) -> None:
    from cms_core.notices.models import Notice

    made = desk.share("calm", gate="email")
    reader.post(made.url, email="invented@nowhere.test")
    reader.look(made.url, 3)
    with desk.workspace.db.session() as session:
        (title,) = session.scalars(select(Notice.title))
    assert title == "Somebody looks at On calm"


# --- calls, commands, pages -------------------------------------------------------------------------------------------


@pytest.fixture
def rep(app: Any, desk: Any) -> Caller:
    return caller_of(app, "rep")


def test_calls_take_and_tell_all_of_it(rep: Caller, pieces: None) -> None:
    body = {
        "asset": "pitch",
        "gate": "verified",
        "allow": ["@acme.test"],
        "deny": ["x@acme.test"],
        "watermark": True,
        "max_views": 9,
    }
    made = rep("POST", f"{AT}/shares", body)
    assert made.status_code == 201, made.text
    shown = rep("GET", f"{AT}/shares/{made.json['id']}").json
    assert {name: shown[name] for name in body if name != "asset"} | {"asset": "pitch"} == body
    assert shown["download"] is False
    for wrong, field in (
        ({"gate": "sms"}, "gate"),
        ({"allow": [""]}, "allow"),
        ({"max_views": 0}, "max_views"),
    ):
        error = rep("POST", f"{AT}/shares", {"asset": "calm", **wrong}).json["error"]
        assert field == error.get("field") or field in error.get("errors", {})


def test_the_page_of_a_piece_makes_such_links(
    desk: Any, pieces: None, as_role: Callable[[str], Any], reader: Any
) -> None:
    base = "/app/p/sales_enablement"
    client = as_role("rep")
    at = f"{base}/a/calm"
    wrong = client.submit(f"{at}/share", {"gate": "email", "allow": "acme.test"}, at)
    assert wrong.status_code == 422
    assert "not an e-mail address" in wrong.text
    form = {"gate": "email", "allow": "@acme.test\r\nann@b.test", "deny": "", "max_views": "3"}
    made = client.submit(f"{at}/share", form, at)
    url = made.text.partition('readonly value="')[2].partition('"')[0]
    assert "Who is reading?" in reader.get(url).text
    (share,) = shares.listed(desk.services())
    page = client.get(f"{base}/shares/{share.public_id}").text
    for words in ("An e-mail address", "@acme.test, ann@b.test", "3 looks"):
        assert words in page
    assert "asks for an address" in client.get(f"{base}/shares").text
