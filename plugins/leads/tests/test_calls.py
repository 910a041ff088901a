"""Leads, companies and deals over HTTP."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from cms_core import Company
from cms_core.testing.calls import Caller, caller_of
from cms_core.testing.pages import add_people, app_of, naughty_strings
from cms_core.workspace import Workspace
from cms_leads import points
from cms_leads.models import Deal

DEAL = {
    "name": "Rollout",
    "company": "Acme",
    "contacts": ["Ann@Acme.test"],
    "amount": "5000.50 EUR",
    "stage": "Offer",
    "owner": "rep@example.com",
    "expected_on": "2026-06-01",
}
DEALS = b"name,company,amount,outcome\nA,Acme,100 EUR,won\nB,Acme,nonsense,open\n"
CSV = {"content_type": "text/csv"}
CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/leads/rebuild", None),
    ("POST", "/leads/handoffs/x/answer", {"accept": True}),
    ("POST", "/leads/companies/import", None),
    ("POST", "/leads/deals", DEAL),
    ("POST", "/leads/deals/import", None),
    ("PATCH", "/leads/deals/x", {"name": "y"}),
    ("POST", "/leads/deals/x/close", {"outcome": "won"}),
]


@pytest.fixture
def calls(workspace: Workspace) -> Callable[..., Caller]:
    add_people(workspace)
    return partial(caller_of, app_of(workspace))


@pytest.fixture
def rep(calls: Callable[..., Caller]) -> Caller:
    return calls("rep")


@pytest.fixture
def hot(desk: Any) -> list[str]:
    """Three people with 60, 40 and 20 points, the first of whom waits for sales."""
    desk.settings(threshold=60, points=["clicked 20 cap 60"])
    people = [desk.person(f"{name}@acme.test", first_name=name) for name in ("ann", "bob", "cat")]
    for times, name in ((3, "ann"), (2, "bob"), (1, "cat")):
        for _ in range(times):
            desk.did(f"{name}@acme.test")
    points.refresh(desk.svc, people)
    return people


def count(workspace: Workspace) -> int:
    with workspace.db.session() as session:
        return int(session.scalar(select(func.count()).select_from(Deal)) or 0)


def test_leads_are_listed_by_points_with_reasons_that_add_up(rep: Caller, hot: list[str]) -> None:
    first = rep("GET", "/leads?limit=2").json
    rest = rep("GET", f"/leads?limit=2&cursor={first['next']}").json
    rows = [*first["items"], *rest["items"]]
    assert ([row["contact"] for row in rows], rest["next"]) == (hot, None)
    assert [row["points"] for row in rows] == [60, 40, 20]
    assert all(sum(each["points"] for each in row["reasons"]) == row["points"] for row in rows)
    assert [row["name"] for row in rep("GET", "/leads?min=40").json["items"]] == ["ann", "bob"]
    one = rep("GET", f"/leads/{hot[0]}").json
    assert (one["points"], [each["state"] for each in one["handoffs"]]) == (60, ["waiting"])
    assert rep("GET", f"/leads/{hot[0]}?at=2020-01-01T00:00:00Z").json["points"] == 0
    for at in ("2026-05-04T09:00:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "soon"):
        refused = rep("GET", f"/leads/{hot[0]}", query_string={"at": at})
        assert (refused.status_code, list(refused.json["error"]["errors"])) == (422, ["at"])


def test_sales_answers_a_lead_once(rep: Caller, hot: list[str]) -> None:
    (waiting,) = rep("GET", "/leads/handoffs").json["items"]
    where = f"/leads/handoffs/{waiting['id']}/answer"
    assert rep("POST", where, {"accept": False}).json["error"]["field"] == "reason"
    assert "reason" in rep("POST", where, {"accept": False, "reason": "tired"}).json["error"]["errors"]
    done = rep.again(where, {"accept": False, "reason": "no_need", "note": "Next year"}).json
    assert (done["state"], done["reason"], done["decided_by"]) == ("returned", "no_need", "rep@example.com")
    assert rep("POST", where, {"accept": True}).status_code == 409
    assert rep("GET", "/leads/handoffs").json["items"] == []
    assert rep("GET", f"/leads/{hot[0]}").json["points"] == 35


def test_points_are_counted_anew(calls: Callable[..., Caller], hot: list[str]) -> None:
    assert calls("marketer").again("/leads/rebuild").json == {"leads": 3}


def test_a_deal_is_made_changed_and_closed(rep: Caller, workspace: Workspace, desk: Any) -> None:
    made = rep.again("/leads/deals", DEAL)
    assert (made.status_code, made.json["contacts"], made.json["amount"]) == (201, ["ann@acme.test"], 5000.5)
    assert count(workspace) == 1
    where = made.headers["Location"].removeprefix("/api/v1")
    assert rep("GET", where).json == made.json
    assert rep("POST", "/leads/deals", DEAL).json["error"]["field"] == "name"
    assert rep("PATCH", where, {"stage": "Signed"}).status_code == 428
    changed = rep("PATCH", where, {"stage": "Signed"}, headers={"If-Match": made.headers["ETag"]})
    assert changed.json == {**made.json, "stage": "Signed"}, "what is not sent stays"
    assert rep("PATCH", where, {"stage": "X"}, headers={"If-Match": made.headers["ETag"]}).status_code == 412
    won = rep.again(f"{where}/close", {"outcome": "won"}).json
    assert (won["outcome"], won["closed_at"]) == ("won", "2026-05-04T07:00:00+00:00")
    assert [each.kind for each in desk.ledger("deal_won")] == ["deal_won"]
    company = rep("GET", "/leads/companies").json["items"][0]
    assert (company["name"], company["contacts"]) == ("Acme", 0)
    full = rep("GET", f"/leads/companies/{company['id']}").json
    assert ([each["name"] for each in full["deals"]], full["people"]) == (["Rollout"], [])
    assert [each["id"] for each in rep("GET", f"/leads/deals?company={company['id']}").json["items"]] == [
        won["id"]
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"amount": "much"}, "amount"),
        ({"amount": "-1 EUR"}, "amount"),
        ({"contacts": ["nobody"]}, "contacts"),
        ({"contacts": "ann@acme.test"}, "contacts"),
        ({"expected_on": "soon"}, "expected_on"),
        ({"stage": "x" * 101}, "stage"),
        ({"outcome": "won"}, "outcome"),
    ],
)
def test_what_is_wrong_with_a_deal_is_said_of_its_field(
    rep: Caller, workspace: Workspace, wrong: dict[str, Any], field: str
) -> None:
    refused = rep("POST", "/leads/deals", {**DEAL, **wrong})
    error = refused.json["error"]
    assert refused.status_code == 422, refused.text
    assert field == error.get("field") or field in error.get("errors", {}), refused.text
    assert count(workspace) == 0
    assert rep("GET", "/leads/companies").json["items"] == [], "nothing is left of a call that failed"


def test_deals_are_listed_page_by_page(rep: Caller) -> None:
    for n in range(3):
        rep("POST", "/leads/deals", {"name": f"deal {n}"})
    first = rep("GET", "/leads/deals?limit=2&outcome=open").json
    second = rep("GET", f"/leads/deals?limit=2&outcome=open&cursor={first['next']}").json
    names = [each["name"] for each in [*first["items"], *second["items"]]]
    assert (names, second["next"]) == (["deal 2", "deal 1", "deal 0"], None)
    assert rep("GET", f"/leads/companies?cursor={first['next']}").status_code == 400, "of another list"
    assert rep("GET", "/leads/deals?outcome=won").json["items"] == []


def test_deals_are_imported_with_their_faults_told_by_row(rep: Caller, workspace: Workspace) -> None:
    whole = rep("POST", "/leads/deals/import?all_or_nothing=true", data=DEALS, **CSV)
    assert (whole.status_code, whole.json["error"]["errors"]["skipped"][0]["row"]) == (422, 3)
    dry = rep("POST", "/leads/deals/import?dry_run=true", data=DEALS, **CSV).json
    assert (dry["created"], dry["saved"], count(workspace)) == (1, False, 0)
    done = rep.again("/leads/deals/import", data=DEALS, **CSV).json
    assert (done["created"], done["saved"], count(workspace)) == (1, True, 1)
    mapped = rep(
        "POST", "/leads/deals/import?map=Vorhaben=name&currency=CHF", data=b"Vorhaben,amount\nC,7\n", **CSV
    )
    assert mapped.json["created"] == 1, mapped.text
    for query, field in ("map=x", "map"), ("currency=francs", "currency"), ("dates=ymd", "dates"):
        refused = rep("POST", f"/leads/deals/import?{query}", data=DEALS, **CSV)
        assert (refused.status_code, list(refused.json["error"]["errors"])) == (422, [field])
    assert rep("POST", "/leads/deals/import", data=b"", **CSV).status_code == 422


def test_companies_are_imported_and_listed_by_name(rep: Caller, desk: Any) -> None:
    sent = b"name,domain\nZeta,zeta.test\nAcme,acme.test\n,\xc3\xa4\n"
    done = rep.again("/leads/companies/import", data=sent, **CSV).json
    assert (done["created"], done["saved"]) == (2, True)
    first = rep("GET", "/leads/companies?limit=1").json
    second = rep("GET", f"/leads/companies?limit=1&cursor={first['next']}").json
    assert [first["items"][0]["name"], second["items"][0]["name"]] == ["Acme", "Zeta"]
    desk.svc.upsert_company(Company("", "Beta"))
    assert [each["name"] for each in rep("GET", "/leads/companies?words=bet").json["items"]] == ["Beta"]


def test_who_may_not_changes_nothing_and_what_is_not_there_is_404(calls: Callable[..., Caller]) -> None:
    for call in (calls("viewer"), calls("rep", "leads:read"), calls("admin", "content:write")):
        for method, path, body in CHANGES:
            sent = {"data": DEALS, **CSV} if "import" in path else {}
            assert call(method, path, body, **sent).status_code == 403, f"{method} {path}"
    assert calls("rep", "leads:read")("GET", "/leads/deals").status_code == 200
    assert calls("viewer")("GET", "/leads").status_code == 403
    rep = calls("rep")
    assert rep("POST", "/leads/rebuild").status_code == 403, "reps do not change the rules"
    for method, path, body in CHANGES:
        if "/x" in path:
            assert rep(method, path, body).status_code == 404, f"{method} {path}"
    for path in ("/leads/x", "/leads/deals/x", "/leads/companies/x"):
        assert rep("GET", path).status_code == 404


def test_naughty_strings_are_kept_or_refused(rep: Caller) -> None:
    for n, text in enumerate(naughty_strings()):
        tried = (
            (
                "POST",
                "/leads/deals",
                {"name": f"{n} {text}"[:200], "company": text[:200], "stage": text[:100]},
            ),
            ("POST", "/leads/deals", {"name": f"{n}", "amount": text[:40], "contacts": [text[:320]]}),
            ("POST", "/leads/handoffs/x/answer", {"accept": True, "note": text[:1000]}),
        )
        done = rep(*tried[n % 3])
        assert done.status_code in (201, 400, 404, 409, 422), done.text
    assert rep("POST", "/leads/deals", {"name": "a\0"}).status_code == 422
    assert rep("POST", "/leads/deals/import", data=b"name\na\0b\n", **CSV).status_code == 422
