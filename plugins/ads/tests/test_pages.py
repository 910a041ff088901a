"""The page of ad costs and the card of a campaign."""

import io
from typing import Any

from cms_core.testing.pages import harm_in

BASE = "/app/p/ads"
HARM = "<script>alert('ä')</script><img src=x onerror=alert(1)>{{7*7}}"


def upload(client: Any, text: str, **more: str) -> Any:
    data = {"csrf_token": client.token(f"{BASE}/"), "file": (io.BytesIO(text.encode()), "report.csv"), **more}
    return client.post(f"{BASE}/import", data=data, content_type="multipart/form-data")


def test_marketer_imports_maps_and_sees_the_budget(desk: Any, as_role: Any) -> None:
    desk.campaign("Launch", "100 EUR")
    marketer = as_role("marketer")
    page = upload(marketer, "Campaign,Day,Cost,Currency code\nOdd one,2026-05-04,85,EUR\nx,soon,1,EUR\n")
    assert page.status_code == 200
    assert "is not a day" in page.text
    assert "Odd one" in page.text
    mapped = marketer.submit(f"{BASE}/map", {"name": "Odd one", "campaign": "launch"}, f"{BASE}/")
    assert mapped.status_code == 303
    page = marketer.get(f"{BASE}/").text
    assert "85%" in page
    assert "Belongs to no campaign yet" not in page
    (campaign,) = desk.services.campaigns()
    card = marketer.get(f"/app/campaigns/{campaign.id}").text
    assert "85%" in card
    assert f'href="{BASE}/"' in card


def test_who_may_not_import_sees_and_changes_nothing(desk: Any, as_role: Any) -> None:
    desk.campaign("Launch", "100 EUR")
    viewer = as_role("viewer")
    assert "Import a report" not in viewer.get(f"{BASE}/").text
    token = viewer.token("/app/me")
    assert viewer.post(f"{BASE}/import", data={"csrf_token": token}).status_code == 403
    assert viewer.post(f"{BASE}/map", data={"csrf_token": token}).status_code == 403
    assert as_role("rep").get(f"{BASE}/").status_code == 403


def test_faults_are_told_and_no_words_become_markup(desk: Any, as_role: Any) -> None:
    desk.campaign(HARM[:60], "100 EUR")
    marketer = as_role("marketer")
    for answer in (
        upload(marketer, "nothing"),
        upload(marketer, ""),
        marketer.submit(f"{BASE}/import", {}, f"{BASE}/"),
    ):
        assert answer.status_code == 422
    page = upload(
        marketer, f'Campaign,Day,Cost,Currency code\n"{HARM}",2026-05-04,5,EUR\n"{HARM}",{HARM},5,EUR\n'
    )
    assert not harm_in(page.text)
    assert not harm_in(marketer.get(f"{BASE}/").text)
    assert (
        marketer.submit(f"{BASE}/map", {"name": HARM, "campaign": "nothing"}, f"{BASE}/").status_code == 404
    )
