"""The verbs of the commands, called over HTTP: what goes in comes out, and what cannot be used is said by its place."""

import io
import json
import zipfile

import pytest
from sqlalchemy import select

from cms_core.audience.models import Contact
from cms_core.publishing.models import Delivery, Publication, PublicationState
from cms_core.worker import Worker
from cms_core.workspace import Workspace

from .conftest import Caller, Calls

HELLO = "---\ntitle: Hello\nslug: hello\nkind: article\n---\n# Hello\n\nWords.\n"
PEOPLE = (
    "email,first_name,country,consent\nann@example.com,Ann,FR,yes\nbob@example.com,Bob,DE,\nnonsense,X,DE,\n"
)


def imported(call: Caller, text: str = HELLO) -> dict[str, object]:
    answer = call("POST", "/content/import?name=hello.md", data=text.encode(), content_type="text/markdown")
    assert answer.status_code == 200, answer.text
    return answer.json  # type: ignore[no-any-return]


def live(admin: Caller, approver: Caller, workspace: Workspace) -> str:
    """Content that is published on the site; the id of its publication."""
    imported(admin)
    assert approver("POST", "/content/hello/approve").json["state"] == "approved"
    body = {"channel": "site", "name": "web", "settings": {"base_url": "https://www.example.com"}}
    assert admin("POST", "/connections", body).status_code == 201
    plan = "when,tz,channel,connection,asset\n2026-05-04 09:00,Europe/Paris,site,web,hello\n"
    done = admin("POST", "/calendar/import?arm=true", data=plan.encode(), content_type="text/csv")
    assert done.json["saved"] == 1, done.text
    result = Worker(workspace, workspace.db.clock).run_until_idle()
    assert result.states["published"] == 1
    return str(admin("GET", "/publications").json["items"][0]["id"])


def test_content_is_imported_listed_shown_approved_and_checked(admin: Caller, approver: Caller) -> None:
    assert imported(admin)["created"] == 1
    assert imported(admin)["unchanged"] == 1
    (row,) = admin("GET", "/content?kind=article&words=hell").json["items"]
    assert (row["slug"], row["state"], row["revision"]) == ("hello", "draft", 1)
    assert admin("GET", "/content?kind=ad").json == {"items": [], "next": None}
    assert admin("POST", "/content/hello/approve").status_code == 403, "nobody approves their own"
    approved = approver("POST", "/content/hello/approve").json
    assert approved == {"id": row["id"], "slug": "hello", "state": "approved", "revision": 1}
    shown = admin("GET", "/content/hello").json
    assert shown["state"] == "approved"
    assert shown["body"]["text"].strip() == "Words."
    assert isinstance(admin("GET", "/content/hello/check?channel=site").json, list)


def test_an_archive_is_imported_and_a_dry_run_saves_nothing(admin: Caller) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/hello.md", HELLO)
        archive.writestr("b.md", HELLO.replace("hello", "other"))
        archive.writestr("bad.md", "---\ntitle: [\n---\n")
    for query, saved in (("?dry_run=true", False), ("", True)):
        upload = {"file": (io.BytesIO(packed.getvalue()), "folder.zip")}
        done = admin("POST", f"/content/import{query}", data=upload, content_type="multipart/form-data").json
        assert (done["created"], done["saved"], len(done["errors"])) == (2, saved, 1)
        assert len(admin("GET", "/content").json["items"]) == (2 if saved else 0)


def test_files_without_a_name_are_as_many_as_their_contents(admin: Caller) -> None:
    for text, created in ("One.", 1), ("Two.", 1), ("One.", 0):
        sent = admin("POST", "/content/import", data=text.encode(), content_type="text/markdown")
        assert sent.json["created"] == created
    assert len(admin("GET", "/content").json["items"]) == 2


def test_json_is_no_file(admin: Caller) -> None:
    for path in ("/content/import", "/contacts/import", "/calendar/import", "/media"):
        assert admin("POST", path, {"zzz": 1}).status_code == 415, path
    assert admin("GET", "/content").json["items"] == []


def test_what_a_call_does_not_know_is_refused_and_nothing_done(admin: Caller, approver: Caller) -> None:
    imported(admin)
    for body, path in (
        ({"revision": 99}, "/content/hello/approve"),
        (["x"], "/content/hello/approve"),
        (None, "/content/hello/approve?dry_run=true"),
        ({"zzz": 1}, "/reports/rebuild"),
        ({"zzz": 1}, "/calendar/feed"),
    ):
        refused = (approver if "approve" in path else admin)("POST", path, body)
        assert refused.status_code == 422, path
    assert "revision" in approver("POST", "/content/hello/approve", {"revision": 9}).json["error"]["errors"]
    for path in ("/content/hello?foo=1", "/me?x=1", "/status?x"):
        assert admin("GET", path).status_code == 422, path
    assert admin("GET", "/content/hello").json["state"] == "draft"
    assert approver("POST", "/content/hello/approve", {}).json["state"] == "approved"


def test_a_zip_that_names_a_place_outside_itself_is_refused(admin: Caller) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../evil.md", HELLO)
    refused = admin("POST", "/content/import", data=packed.getvalue(), content_type="application/zip")
    assert refused.status_code == 422
    assert "outside itself" in refused.json["error"]["message"]


def test_content_is_made_and_changed(admin: Caller) -> None:
    made = admin("POST", "/content", {"kind": "article", "title": "Fresh", "body": {"text": "Old words."}})
    assert made.status_code == 201
    assert made.headers["Location"] == "/api/v1/content/fresh"
    changed = admin(
        "PATCH",
        "/content/fresh",
        {"body": {"text": "New words."}, "tags": ["a"]},
        headers={"If-Match": made.headers["ETag"]},
    )
    assert (changed.json["title"], changed.json["revision"], changed.json["tags"]) == ("Fresh", 2, ["a"])
    again = admin("PATCH", "/content/fresh", {"title": "X"}, headers={"If-Match": made.headers["ETag"]})
    assert again.status_code == 412


def test_people_are_imported_with_their_faults_told_by_row(admin: Caller) -> None:
    sent = {"data": PEOPLE.encode(), "content_type": "text/csv"}
    refused = admin("POST", "/contacts/import?all_or_nothing=true", **sent)
    assert refused.status_code == 422
    assert refused.json["error"]["errors"]["skipped"][0]["row"] == 4
    assert admin("GET", "/contacts").json["items"] == []
    done = admin("POST", "/contacts/import", **sent).json
    assert (done["created"], done["saved"], [each["row"] for each in done["skipped"]]) == (2, True, [4])
    ann, bob = admin("GET", "/contacts").json["items"]
    assert (ann["email"], ann["consent"], bob["consent"]) == ("ann@example.com", "yes", "no")
    assert admin("GET", f"/contacts/{ann['id']}").json == ann
    upload = {"file": (io.BytesIO(b"Mail\ncat@example.com\n"), "x.csv")}
    mapped = admin("POST", "/contacts/import?map=Mail=email", data=upload, content_type="multipart/form-data")
    assert mapped.json["created"] == 1


def test_segments_are_made_counted_and_changed(admin: Caller) -> None:
    admin("POST", "/contacts/import", data=PEOPLE.encode(), content_type="text/csv")
    made = admin("POST", "/segments", {"name": "France", "rule": 'country = "FR"'})
    assert (made.status_code, made.json["count"]) == (201, 1)
    assert admin("GET", "/segments/count?q=France").json == {"count": 1}
    assert admin("GET", "/segments/count", query_string={"q": 'country = "DE"'}).json == {"count": 1}
    assert [each["email"] for each in admin("GET", "/contacts?segment=France").json["items"]] == [
        "ann@example.com"
    ]
    wrong = admin("POST", "/segments", {"name": "X", "rule": "country ="})
    assert wrong.status_code == 422
    match = {"If-Match": made.headers["ETag"]}
    changed = admin("PATCH", "/segments/France", {"rule": 'country != "FR"'}, headers=match)
    assert changed.json["rule"] == 'country != "FR"'


def test_campaigns_and_the_calendar(admin: Caller) -> None:
    campaign = {
        "name": "Launch",
        "start": "2026-05-01",
        "end": "2026-05-31",
        "tz": "Europe/Paris",
        "budget": "500 EUR",
    }
    made = admin("POST", "/campaigns", campaign)
    assert (made.status_code, made.json["key"], made.json["budget"]) == (201, "launch", "500 EUR")
    assert admin("POST", "/campaigns", campaign).status_code == 409
    assert admin("GET", "/campaigns/launch").json == made.json
    imported(admin)
    plan = "when,tz,asset,campaign,channel\n2026-05-04 09:00,Europe/Paris,hello,Launch,site\nnonsense,UTC,hello,,site\n"
    done = admin("POST", "/calendar/import", data=plan.encode(), content_type="text/csv").json
    assert (done["saved"], [each["row"] for each in done["faulty"]]) == (1, [3])
    (entry,) = admin("GET", "/calendar?from=2026-05-01&to=2026-05-31").json["items"]
    assert (entry["when"], entry["campaign"], entry["state"]) == (
        "2026-05-04T09:00:00+02:00",
        "Launch",
        "planned",
    )
    one = admin("GET", f"/calendar/{entry['id']}")
    moved = admin(
        "PATCH",
        f"/calendar/{entry['id']}",
        {"when": "2026-05-05 10:00"},
        headers={"If-Match": one.headers["ETag"]},
    )
    assert moved.json[0]["when"] == "2026-05-05T10:00:00+02:00"
    gone = admin("DELETE", f"/calendar/{entry['id']}", headers={"If-Match": moved.headers["ETag"]})
    assert gone.json["state"] == "dropped"
    assert admin("GET", "/calendar?from=2026-05-01&to=2026-05-31").json["items"] == []
    series = {"rrule": "FREQ=DAILY", "start": "2026-03-28 02:30", "tz": "Europe/Berlin", "count": "2"}
    assert [each["utc"] for each in admin("GET", "/calendar/expand", query_string=series).json] == [
        "2026-03-28T01:30:00Z",
        "2026-03-29T01:00:00Z",
    ]


def test_recipients_own_time_is_taken_listed_and_moved(admin: Caller) -> None:
    made = admin(
        "POST", "/calendar", json={"when": "local 2026-05-04 09:00", "tz": "Asia/Tokyo", "title": "Morning"}
    )
    assert (made.json["when"], made.json["tz"]) == ("2026-05-04T09:00:00", "recipient")
    moved = admin(
        "PATCH",
        f"/calendar/{made.json['id']}",
        json={"when": "local 2026-05-05 09:00"},
        headers={"If-Match": made.headers["ETag"]},
    )
    assert [each["when"] for each in moved.json] == ["2026-05-05T09:00:00"]
    (listed,) = admin("GET", "/calendar?from=2026-05-05&to=2026-05-05").json["items"]
    assert listed["when"] == "2026-05-05T09:00:00"


def test_a_connection_shows_no_secret_and_is_tested(admin: Caller) -> None:
    settings = {
        "host": "127.0.0.1",
        "port": 1,
        "security": "none",
        "from_address": "a@example.com",
        "postal_address": "A",
        "username": "u",
        "password": "canary-secret",
    }
    made = admin("POST", "/connections", {"channel": "email", "name": "mail", "settings": settings})
    assert made.status_code == 201, made.text
    assert (
        "canary" not in made.text + admin("GET", "/connections/mail").text + admin("GET", "/connections").text
    )
    tested = admin("POST", "/connections/email:mail/test")
    assert tested.status_code == 503
    settings |= {"port": 2, "password": ""}
    version = admin("GET", "/connections/mail").headers["ETag"]
    assert version != made.headers["ETag"], "the test has left its mark"
    changed = admin("PUT", "/connections/mail", {"settings": settings}, headers={"If-Match": version})
    assert changed.json["settings"]["port"] == 2
    wrong = admin("POST", "/connections", {"channel": "email", "name": "b", "settings": {"port": "x"}})
    assert wrong.status_code == 422
    assert "port" in wrong.json["error"]["errors"]


def test_what_is_published_is_held_updated_withdrawn_and_counted(
    admin: Caller, approver: Caller, workspace: Workspace
) -> None:
    first = live(admin, approver, workspace)
    shown = admin("GET", f"/publications/{first}").json
    assert (shown["state"], shown["url"]) == ("published", "https://www.example.com/hello")
    assert admin("POST", f"/publications/{first}/hold", {}).status_code == 409
    assert admin("POST", f"/publications/{first}/update").status_code == 422
    version = admin("GET", "/content/hello").headers["ETag"]
    admin("PATCH", "/content/hello", {"body": {"text": "Newer."}}, headers={"If-Match": version})
    approver("POST", "/content/hello/approve")
    second = admin("POST", f"/publications/{first}/update")
    assert second.status_code == 202
    assert second.headers["Location"] == f"/api/v1/publications/{second.json['id']}"
    assert admin("GET", second.headers["Location"].removeprefix("/api/v1")).json["state"] == "published"
    assert admin("GET", f"/publications/{first}").json["superseded_by"] == second.json["id"]
    assert admin("POST", f"/publications/{first}/withdraw").status_code == 202
    assert admin("GET", f"/publications/{second.json['id']}").json["state"] == "withdrawn"
    assert admin("GET", f"/publications/{first}/deliveries").json == {
        "counts": {},
        "unknown": [],
        "undelivered": [],
        "reasons": [],
    }
    assert admin("GET", "/status").json["publications"]["withdrawn"] == 1
    kinds = [each["kind"] for each in admin("GET", "/events").json["items"]]
    lines = admin("GET", "/events/export").text.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == kinds
    assert kinds.count("published") >= 1


def test_an_unknown_outcome_is_not_retried_but_resolved(
    admin: Caller, approver: Caller, workspace: Workspace
) -> None:
    first = live(admin, approver, workspace)
    with workspace.db.transaction() as session:
        row = session.scalars(select(Publication)).one()
        row.state = PublicationState.UNKNOWN
    assert admin("POST", f"/publications/{first}/retry").status_code == 409
    assert admin("POST", f"/publications/{first}/resolve", {}).status_code == 422
    assert (
        admin("POST", f"/publications/{first}/resolve", {"published": "javascript:alert(1)"}).status_code
        == 422
    )
    done = admin("POST", f"/publications/{first}/resolve", {"not_published": True})
    assert done.json["state"] == "failed"
    assert admin("POST", f"/publications/{first}/retry").json["state"] == "scheduled"
    assert admin("POST", f"/publications/{first}/hold", {"reason": "wait"}).json["reason"] == "wait"
    assert admin("POST", f"/publications/{first}/resume").json["state"] == "scheduled"
    assert admin("POST", f"/publications/{first}/cancel").json["state"] == "cancelled"


def test_unknown_deliveries_are_settled(admin: Caller, approver: Caller, workspace: Workspace) -> None:
    first = live(admin, approver, workspace)
    admin("POST", "/contacts/import", data=b"email,consent\na@example.com,yes\n", content_type="text/csv")
    with workspace.db.transaction() as session:
        row, contact = session.scalars(select(Publication)).one(), session.scalars(select(Contact)).one()
        row.audience_at = row.created_at
        session.add(
            Delivery(
                publication_id=row.id,
                contact_id=contact.id,
                arm_id=row.arms[0].id,
                address="a@example.com",
                address_hash="",
                state="unknown",
            )
        )
    where = f"/publications/{first}/deliveries/resolve"
    assert admin("POST", where, {"outcome": "lost"}).status_code == 422
    assert admin("POST", where, {"outcome": "accepted", "address": "b@example.com"}).status_code == 409
    done = admin("POST", where, {"outcome": "send-again", "address": "A@example.com"})
    assert {**done.json, "id": ""} == {"id": "", "state": "sending", "resolved": 1, "counts": {"pending": 1}}


def test_two_contacts_become_one(admin: Caller) -> None:
    rows = b"email,consent\na@example.com,yes\nb@example.com,unsubscribed\n"
    admin("POST", "/contacts/import", data=rows, content_type="text/csv")
    ids = {each["email"]: each["id"] for each in admin("GET", "/contacts").json["items"]}
    where = f"/contacts/{ids['a@example.com']}/merge"
    assert admin("POST", where, {"gone": "c@example.com"}).status_code == 404
    assert admin("POST", where, {"gone": "a@example.com"}).status_code == 422
    done = admin("POST", where, {"gone": "b@example.com"}).json
    assert done == {"id": ids["a@example.com"], "gone": ids["b@example.com"], "deliveries": 0, "skipped": 0}
    (left,) = admin("GET", "/contacts").json["items"]
    assert (left["email"], left["consent"]) == ("a@example.com", "unsubscribed")


def test_figures_people_plugins_and_status(admin: Caller) -> None:
    campaign = {"name": "Launch", "start": "2026-05-01", "end": "2026-05-31", "tz": "UTC"}
    admin("POST", "/campaigns", campaign)
    assert admin("GET", "/reports/campaigns/launch").json["totals"]["sent"] == 0
    assert admin("POST", "/reports/rebuild").json == {"events": 0}
    made = admin("POST", "/users", {"email": "New@Example.com", "role": "viewer", "password": "long enough"})
    assert (made.status_code, made.json["email"]) == (201, "new@example.com")
    assert "password" not in made.text
    assert {each["name"] for each in admin("GET", "/plugins").json["items"]} >= {"email", "seo"}
    assert admin("GET", "/plugins/email/check").json["ok"] is True
    assert admin("GET", "/plugins/nope/check").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "kwargs", "status"),
    [
        ("POST", "/segments", {"data": b"{", "content_type": "application/json"}, 400),
        ("POST", "/segments", {"data": b"[]", "content_type": "application/json"}, 422),
        ("POST", "/segments", {"data": b"null", "content_type": "application/json"}, 422),
        ("POST", "/segments", {"data": b"a=b", "content_type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "/segments", {"data": b"{}", "content_type": "text/plain"}, 415),
        (
            "POST",
            "/segments",
            {"data": b'{"name": "a", "rule": NaN}', "content_type": "application/json"},
            400,
        ),
        ("POST", "/segments", {"data": b"\xff\xfe", "content_type": "application/json"}, 400),
        ("POST", "/segments", {"data": b'{"name": "\\ud800"}', "content_type": "application/json"}, 400),
        (
            "POST",
            "/segments",
            {"data": b'{"name": "a\\u0000", "rule": "x"}', "content_type": "application/json"},
            422,
        ),
        ("POST", "/segments", {"data": b"[" * 5000, "content_type": "application/json"}, 400),
        (
            "POST",
            "/segments",
            {"data": b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "content_type": "application/json"},
            422,
        ),
        ("POST", "/segments", {"json": {"name": "a", "rule": "b", "more": 1}}, 422),
        ("POST", "/segments", {"json": {"name": 9**99, "rule": {}}}, 422),
        (
            "POST",
            "/campaigns",
            {"json": {"name": "a", "start": "9999-99-99", "end": "0", "tz": "../etc"}},
            422,
        ),
        ("GET", "/content?nope=1", {}, 422),
        ("GET", "/content?limit=0", {}, 422),
        ("GET", "/content?limit=501", {}, 422),
        ("GET", "/content?limit=99999999999999999999", {}, 422),
        ("GET", "/content?words=%00", {}, 400),
        ("GET", "/content/%00", {}, 400),
        ("GET", "/content/%ff%fe", {}, 404),
        ("GET", "/contacts/" + "9" * 5000, {}, 404),
        ("GET", "/nope", {}, 404),
        ("PUT", "/content", {}, 405),
        ("TRACE", "/content", {}, 405),
        ("BREW", "/content", {}, 405),
        ("POST", "/contacts/import", {"data": b"", "content_type": "text/csv"}, 422),
        ("POST", "/contacts/import", {"data": b"\0" * 100, "content_type": "text/csv"}, 422),
        ("POST", "/content/import", {"data": b"x" * (9 << 20), "content_type": "text/markdown"}, 413),
    ],
)
def test_what_cannot_be_used_is_said_with_the_right_status(
    admin: Caller, method: str, path: str, kwargs: dict[str, object], status: int
) -> None:
    answer = admin(method, path, **kwargs)
    assert answer.status_code == status, answer.text
    error = answer.json["error"]
    assert error["message"]
    assert "remedy" in error
    if status == 405:
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("role", ["rep", "viewer"])
def test_who_may_not_see_people_sees_none(calls: Calls, role: str) -> None:
    assert calls(role)("GET", "/contacts").status_code == 403


def test_naughty_strings_go_in_and_out_unchanged_or_are_refused(admin: Caller, naughty: list[str]) -> None:
    for n, text in enumerate(naughty):
        campaign = {"name": f"{n} {text}"[:190], "start": "2026-05-01", "end": "2026-05-02", "tz": "UTC"}
        made = admin("POST", "/campaigns", {**campaign, "goal": text[:1000]})
        assert made.status_code in (201, 409, 422), made.text
        if n % 10 == 0:  # what is only looked for is never stored
            assert admin("GET", "/content", query_string={"words": text[:200]}).status_code in (200, 400)
            assert admin("GET", "/segments/count", query_string={"q": text or "x"}).status_code in (
                200,
                400,
                422,
            )


def test_content_has_a_history_that_is_compared_and_restored(admin: Caller) -> None:
    imported(admin)
    match = {"If-Match": "*"}
    admin("PATCH", "/content/hello", {"body": {"text": "Other words."}}, headers=match)
    assert [each["n"] for each in admin("GET", "/content/hello/history").json] == [2, 1]
    (change,) = admin("GET", "/content/hello/compare?a=1&b=2").json
    assert change["after"].strip() == "Other words."
    assert admin("GET", "/content/hello/compare?a=1&b=99").status_code == 404
    restored = admin("POST", "/content/hello/restore", {"revision": 1})
    assert (restored.json["revision"], restored.json["state"]) == (3, "draft"), restored.text


def test_content_is_renamed_used_and_put_away(admin: Caller) -> None:
    imported(admin)
    renamed = admin("PATCH", "/content/hello", {"slug": "welcome"}, headers={"If-Match": "*"})
    assert renamed.json["slug"] == "welcome", renamed.text
    assert admin("GET", "/redirects").json == [{"slug": "hello", "asset": "welcome", "redirects": False}]
    assert admin("POST", "/redirects/hello", {"redirects": True}).json["redirects"] is True
    assert admin("GET", "/content/welcome/uses").status_code == 200
    away = admin("POST", "/content/welcome/archive", {})
    assert away.json["archived_at"], away.text
    assert admin("GET", "/content").json["items"] == []
    assert admin("POST", "/content/welcome/archive", {"undo": True}).json["archived_at"] is None


def test_what_is_kept_about_somebody_is_told_and_erased(admin: Caller, calls: Calls) -> None:
    admin("POST", "/contacts/import", data=PEOPLE.encode(), content_type="text/csv")
    one = f"/contacts/{admin('GET', '/contacts').json['items'][0]['id']}"
    assert admin("GET", f"{one}/personal-data").json["contact"]["email"] == "ann@example.com"
    assert calls("viewer")("POST", f"{one}/erase").status_code == 403
    assert admin("POST", f"{one}/erase").json["complete"] is True
    assert admin("GET", one).status_code == 404
    assert [each["email"] for each in admin("GET", "/contacts").json["items"]] == ["bob@example.com"]
