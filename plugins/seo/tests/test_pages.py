"""What the public site answers: pages, feeds, maps, and nothing that is not its own."""

import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms_core.workspace import Workspace
from cms_seo import pages, store

ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"


def xml(text: bytes) -> Any:
    """The root of an XML document of ours."""
    return ET.fromstring(text)  # noqa: S314 - nobody else wrote it


def structured(text: str) -> dict[str, Any]:
    """The JSON-LD of a page."""
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def test_head_says_what_search_and_sharing_need(desk: Any, reader: Any) -> None:
    desk.publish("calm", summary='Why "calm" pays', tags=("pace", "work"))
    text = reader.get("/calm").text
    for line in (
        "<title>On calm · Acme Notes</title>",
        '<meta name="description" content="Why &#34;calm&#34; pays">',
        '<meta property="og:type" content="article">',
        '<meta property="og:title" content="On calm">',
        '<meta property="og:url" content="https://www.acme.test/calm">',
        '<meta property="article:published_time" content="2026-05-04T07:00:00+00:00">',
        '<meta name="twitter:card" content="summary">',
        '<meta name="author" content="Ada Vernet">',
    ):
        assert line in text


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        ("article", ["BlogPosting", "WebSite", "BreadcrumbList"]),
        ("case-study", ["Article", "WebSite", "BreadcrumbList"]),
        ("product-guide", ["TechArticle", "WebSite", "BreadcrumbList"]),
        ("landing-page", ["WebPage", "WebSite", "BreadcrumbList"]),
        ("faq", ["FAQPage", "WebSite", "BreadcrumbList"]),
    ],
)
def test_structured_data_names_the_right_type(desk: Any, reader: Any, kind: str, kinds: list[str]) -> None:
    desk.publish(
        "calm", "Intro.\n\n## Is it </script> calm?\n\nYes & *very*.\n\n## And late?\n\nNo.", kind=kind
    )
    data = structured(reader.get("/calm").text)
    assert data["@context"] == "https://schema.org"
    assert [each["@type"] for each in data["@graph"]] == kinds
    page = data["@graph"][0]
    assert datetime.fromisoformat(page["datePublished"]).tzinfo is not None
    assert page["url"] == "https://www.acme.test/calm"
    if kind == "faq":
        first = page["mainEntity"][0]
        assert (first["name"], first["acceptedAnswer"]["text"]) == ("Is it calm?", "Yes & very.")
        assert len(page["mainEntity"]) == 2


def test_contact_fields_of_nobody_are_their_default(desk: Any, reader: Any) -> None:
    desk.publish("calm", 'Dear {{ contact.first_name | default("reader") }}, hello{{ contact.company }}.')
    assert "Dear reader, hello." in reader.get("/calm").text


def test_feeds_hold_the_newest_whole_and_with_full_addresses(desk: Any, reader: Any) -> None:
    key = desk.publish("calm", "See [there](/haste) & <b>now</b>.", title="A < B & “C”", tags=("pace",))
    desk.publish("offer", kind="landing-page")

    answer = reader.get("/feed.xml")
    feed = xml(answer.data)
    assert answer.mimetype == "application/atom+xml"
    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}id") == f"urn:uuid:{key}"
    assert entry.findtext(f"{ATOM}title") == "A < B & “C”"
    assert entry.find(f"{ATOM}link").get("href") == "https://www.acme.test/calm"
    assert datetime.fromisoformat(entry.findtext(f"{ATOM}updated")) == datetime.fromisoformat(
        "2026-05-04T07:00Z"
    )
    assert '<a href="https://www.acme.test/haste"' in entry.findtext(f"{ATOM}content")
    assert all(feed.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated"))

    channel = xml(reader.get("/rss.xml").data).find("channel")
    (item,) = channel.findall("item")
    assert item.findtext("link") == "https://www.acme.test/calm"
    assert item.find("guid").get("isPermaLink") == "false"
    assert parsedate_to_datetime(item.findtext("pubDate")).isoformat() == "2026-05-04T07:00:00+00:00"
    assert "<b>now</b>" in item.findtext(CONTENT)


def test_xml_survives_characters_that_xml_does_not_know(desk: Any, reader: Any) -> None:
    desk.publish("calm", "Odd \ufffe\uffff end \x7f ]]> <!-- x -->", title="T\ufffe]]>&", summary="S\uffff")
    for path in ("/feed.xml", "/rss.xml", "/sitemap.xml"):
        xml(reader.get(path).data)


def test_sitemap_lists_every_live_page(desk: Any, reader: Any) -> None:
    desk.publish("calm")
    desk.publish("offer", kind="landing-page")
    tree = xml(reader.get("/sitemap.xml").data)
    found = {url.findtext(f"{MAP}loc"): url.findtext(f"{MAP}lastmod") for url in tree}
    assert found.keys() == {"https://www.acme.test/calm", "https://www.acme.test/offer"}
    assert found["https://www.acme.test/calm"] == "2026-05-04T07:00:00+00:00"


def test_large_sitemap_is_split(desk: Any, reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAP_SIZE", 2)
    for slug in ("one", "two", "three"):
        desk.publish(slug)
    index = xml(reader.get("/sitemap.xml").data)
    parts = [each.findtext(f"{MAP}loc") for each in index]
    assert parts == [f"https://www.acme.test/sitemap-{n}.xml" for n in (1, 2)]
    counts = [len(xml(reader.get(part.removeprefix("https://www.acme.test")).data)) for part in parts]
    assert counts == [2, 1]
    assert reader.get("/sitemap-3.xml").status_code == 404


def test_robots_close_what_is_the_apps_and_nothing_else(desk: Any, reader: Any) -> None:
    lines = reader.get("/robots.txt").text.splitlines()
    assert {"User-agent: *", "Disallow: /app/", "Disallow: /api/", "Disallow: /t/"} <= set(lines)
    assert lines[-1] == "Sitemap: https://www.acme.test/sitemap.xml"
    assert not [line for line in lines if re.fullmatch(r"Disallow: /\w*", line)]


@pytest.mark.parametrize("path", ["/calm", "/", "/feed.xml", "/sitemap.xml", "/robots.txt"])
def test_who_has_the_answer_gets_304(desk: Any, reader: Any, path: str) -> None:
    desk.publish("calm")
    first = reader.get(path)
    again = reader.get(path, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    desk.publish("second")
    if path in ("/", "/feed.xml", "/sitemap.xml"):
        assert reader.get(path, If_None_Match=first.headers["ETag"]).status_code == 200


def test_page_says_when_it_changed(desk: Any, reader: Any) -> None:
    desk.publish("calm")
    stamp = reader.get("/calm").headers["Last-Modified"]
    assert stamp == "Mon, 04 May 2026 07:00:00 GMT"
    assert reader.get("/calm", If_Modified_Since=stamp).status_code == 304


def test_style_is_kept_for_ever_under_its_version(desk: Any, reader: Any) -> None:
    (address,) = re.findall(r'rel="stylesheet" href="([^"]+)"', reader.get("/").text)
    answer = reader.get(address)
    assert answer.mimetype == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "light-dark(#0d5c47" in answer.text
    old = reader.get("/static/seo/before/0d5c47.css")
    assert (old.text, old.headers["Cache-Control"]) == (answer.text, "public, max-age=300")


def test_head_answers_like_get_without_a_body(desk: Any, reader: Any) -> None:
    desk.publish("calm")
    answer = reader.get("/calm", method="HEAD")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["ETag"] == reader.get("/calm").headers["ETag"]


@pytest.mark.parametrize("path", ["/calm/", "/Calm", "/CALM//", "/calm/?utm_source=a%0d%0aX:1&b=//evil.test"])
def test_one_address_shows_a_page_and_others_lead_there(desk: Any, reader: Any, path: str) -> None:
    desk.publish("calm")
    answer = reader.get(path)
    assert answer.status_code in (301, 308)
    target = answer.headers["Location"].removeprefix("http://www.acme.test")
    assert re.fullmatch(r"/[Cc][Aa][Ll][Mm]/?(\?.*)?", target)
    assert "X" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd", "/..%2f..%2f.env", "/%2e%2e/%2e%2e/x", "/%252e%252e/x", "/..%c0%af..%c0%afetc", "/\\..\\x",
        "/.git/config", "/static/../cms.db", "/static/seo/../../cms.db", "/static/seo/%2e%2e/models.py", "/calm%00.html",
        "/calm/../app", "/" + "a" * 5000, "/C:%5cx", "/calm%0d%0aSet-Cookie:x=1", "/static/seo/x/zzzzzz.css",
        "/static/seo/x/000000%7d*%7b.css", "/sitemap-0.xml", "/sitemap-99999999999999999999.xml", "/?page=99",
    ],
)  # fmt: skip
def test_paths_that_are_none_are_404(desk: Any, reader: Any, path: str) -> None:
    desk.publish("calm")
    answer = reader.get(path)
    assert answer.status_code in (400, 404)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "path", ["//evil.test", "//evil.test/calm", "/\\evil.test", "/%2f%2fevil.test", "/%09/evil.test"]
)
def test_no_path_leads_to_another_host(desk: Any, reader: Any, path: str) -> None:
    desk.publish("calm")
    answer = reader.get(path)
    target = answer.headers.get("Location", "/")
    assert target.startswith(("http://www.acme.test/", "/"))
    assert not re.match(r"/[/\\]", target)


@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.0.1:8000", "WWW.ACME.TEST", "www.acme.test:8443", "[::1]", "a" * 300]
)
def test_host_header_decides_nothing_but_the_site(desk: Any, reader: Any, host: str) -> None:
    desk.publish("calm")
    answer = reader.get("/calm", host=host)
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert '<link rel="canonical" href="https://www.acme.test/calm">' in answer.text
    assert "evil" not in answer.text


def test_the_apps_addresses_are_not_the_sites(desk: Any, reader: Any) -> None:
    assert reader.get("/app").headers["Location"].startswith("/app")
    assert reader.get("/api/v1/nothing").is_json
    for path in ("/app/nothing", "/t/nothing", "/d/nothing", "/media/nothing"):
        assert "Acme Notes" not in reader.get(path).text


def test_missing_page_looks_like_the_site(desk: Any, reader: Any) -> None:
    answer = reader.get("/nothing")
    assert (answer.status_code, answer.headers["X-Robots-Tag"]) == (404, "noindex")
    assert "Acme Notes" in answer.text


def test_list_of_what_is_new_has_pages(desk: Any, reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LISTED", 2)
    for slug in ("one", "two", "three"):
        desk.publish(slug)
    first, second = reader.get("/").text, reader.get("/?page=2").text
    assert first.index("On three") < first.index("On two")
    assert "On one" not in first
    assert "On one" in second
    assert 'href="/?page=2"' in first
    assert reader.get("/?page=x").status_code == 200


def test_workspace_without_a_site_leads_to_the_app(workspace: Workspace, reader: Any) -> None:
    assert reader.get("/").headers["Location"] == "/app/"
    assert reader.get("/anything").status_code == 404
    assert reader.get("/feed.xml").status_code == 404


def test_pages_run_nothing_and_set_no_cookie_of_the_app(desk: Any, reader: Any) -> None:
    desk.publish("calm")
    answer = reader.get("/calm")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "cms_session" not in str(answer.headers)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(max_size=80))
def test_no_path_breaks_the_site(desk: Any, reader: Any, path: str) -> None:
    # Past the client's reading of addresses, for which "//…" names a host.
    asked = {"PATH_INFO": f"/{path}".encode().decode("latin-1")}
    assert reader.get("/", environ_overrides=asked).status_code < 500


def test_members_of_the_office_see_the_list_of_pages(desk: Any, app: Any, workspace: Workspace) -> None:
    desk.withdraw(desk.publish("old", title="Old & gone"))
    desk.publish("calm", title="Calm <i>pages</i>")
    client = app.test_client()
    assert client.get("/app/p/seo/").headers["Location"].startswith("/app/login")
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/app/login").text)[1]
    client.post(
        "/app/login",
        data={"email": "ada@acme.test", "password": "correct horse battery", "csrf_token": token},
    )
    text = client.get("/app/p/seo/").text
    assert "Calm &lt;i&gt;pages&lt;/i&gt;" in text
    assert 'href="https://www.acme.test/calm"' in text
    assert "Taken down" in text
    with workspace.db.session() as session:
        assert len(store.everything(session, 1)) == 1
