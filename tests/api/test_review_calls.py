"""What reviewers, and programs that bring pictures, do over HTTP; and somebody who asked to get no more mail."""

import io
from typing import Any

from PIL import Image

from .conftest import Caller, Calls
from .test_calls import PEOPLE, imported


def picture() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(kept, "PNG")
    return kept.getvalue()


def test_words_are_sent_back_with_what_is_to_be_changed(
    calls: Calls, admin: Caller, approver: Caller
) -> None:
    imported(admin)
    assert approver("POST", "/content/hello/request-changes", {"comment": "Shorter"}).status_code == 409
    asked = admin.again("/content/hello/request-review").json
    assert (asked["state"], asked["review"], asked["comment"]) == ("in_review", "open", "")
    assert admin("POST", "/content/hello/request-review").json["review"] == "open", "twice is once"
    assert calls("marketer")("POST", "/content/hello/request-changes", {"comment": "x"}).status_code == 403
    assert approver("POST", "/content/hello/request-changes", {"comment": " "}).status_code == 422
    back = approver("POST", "/content/hello/request-changes", {"comment": "Shorter"}).json
    assert (back["state"], back["review"], back["comment"]) == (
        "changes_requested",
        "changes_requested",
        "Shorter",
    )
    assert admin("POST", "/content/hello/request-review").status_code == 409
    assert admin("POST", "/content/nothing/request-review").status_code == 404


def test_a_picture_is_taken_in_once_and_is_shown_by_the_words(
    calls: Calls, admin: Caller, approver: Caller
) -> None:
    sent: dict[str, Any] = {"data": picture(), "content_type": "image/png"}
    made = admin("POST", "/media?name=Tree.png&alt=A+tree", **sent)
    assert made.status_code == 201
    assert (made.json["mime"], made.json["width"], made.json["height"], made.json["alt"]) == (
        "image/png",
        40,
        30,
        "A tree",
    )
    form = {"file": (io.BytesIO(picture()), "again.png")}
    again = admin("POST", "/media", data=form, content_type="multipart/form-data")
    assert again.json == made.json
    assert admin("GET", "/media").json == {"items": [made.json], "next": None}
    body = {"kind": "article", "title": "Trees", "body": {"text": f"![A tree]({made.json['url']})"}}
    assert admin("POST", "/content", body).status_code == 201
    for wrong in (b"", b"MZ not a picture"):
        assert admin("POST", "/media", data=wrong, content_type="image/png").status_code == 422
    assert calls("viewer")("POST", "/media", **sent).status_code == 403


def test_somebody_asked_by_phone_to_get_no_more_mail(calls: Calls, admin: Caller) -> None:
    admin("POST", "/contacts/import", data=PEOPLE.encode(), content_type="text/csv")
    ann = admin("GET", "/contacts").json["items"][0]
    where = f"/contacts/{ann['id']}/unsubscribe"
    assert admin("POST", where, {"reason": "  "}).json["error"]["field"] == "reason"
    gone = admin.again(where, {"reason": "asked by phone"}).json
    assert gone == {**ann, "consent": "unsubscribed"}
    admin("POST", "/contacts/import", data=PEOPLE.encode(), content_type="text/csv")
    assert admin("GET", f"/contacts/{ann['id']}").json["consent"] == "unsubscribed"
    told = [each for each in admin("GET", "/events").json["items"] if each["kind"] == "unsubscribed"]
    assert [each["contact"] for each in told] == [ann["id"]]
    assert calls("viewer")("POST", where, {"reason": "x"}).status_code == 403
