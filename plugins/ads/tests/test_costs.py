"""From a vendor's file to the report of a campaign: once, corrected, in its currency, and never guessed."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cms_ads import belonging, telling
from cms_ads.models import Cost
from cms_ads.rates import import_rates
from cms_core import Invalid, NotFound


def told(desk: Any) -> int:
    return telling.tell(desk.services)


def test_costs_of_a_campaign_by_name_stand_in_its_report(desk: Any) -> None:
    desk.campaign("Launch", "500 EUR")
    found = desk.rows("Launch,2026-05-04,EUR,12.34,100,5", "LAUNCH,2026-05-05,EUR,7.66,50,2")
    assert (found.rows, found.spend, found.clicks, found.impressions, found.currency) == (
        2,
        Decimal(20),
        7,
        150,
        "EUR",
    )
    assert (found.unchanged, found.faulty, found.unmapped) == (0, [], [])
    assert desk.cost("Launch") == (Decimal(20), "EUR", [])


def test_same_file_again_changes_nothing_and_corrections_count(desk: Any) -> None:
    desk.campaign("Launch", "500 EUR")
    rows = ["Launch,2026-05-04,EUR,12.34,100,5", "Launch,2026-05-05,EUR,7.66,50,2"]
    desk.rows(*rows)
    again = desk.rows(*rows)
    assert (again.rows, again.unchanged, again.corrected, again.spend) == (2, 2, 0, Decimal(20))
    assert told(desk) == 0
    corrected = desk.rows("Launch,2026-05-04,EUR,10.00,100,5", rows[1])
    assert (corrected.unchanged, corrected.corrected) == (1, 1)
    assert desk.cost("Launch")[0] == Decimal("17.66")
    desk.rows("Launch,2026-05-04,EUR,0,0,0", "Launch,2026-05-05,EUR,0,0,0")
    assert desk.cost("Launch")[0] == 0


def test_rows_of_one_campaign_and_day_are_summed_within_a_file(desk: Any) -> None:
    desk.campaign("Launch", "500 EUR")
    rows = ["Launch,2026-05-04,EUR,0.10,1,1"] * 3
    assert desk.rows(*rows).spend == Decimal("0.30")
    assert desk.rows(*rows).unchanged == 3
    assert desk.cost("Launch")[0] == Decimal("0.30")


def test_days_are_never_counted_twice(desk: Any) -> None:
    desk.campaign("Launch", "500 EUR")
    month = "Report\n1 May 2026 - 31 May 2026\nCampaign,Cost,Currency code\nLaunch,31,EUR\n"
    desk.take(month)
    part = desk.rows("Launch,2026-05-04,EUR,1,1,1")
    assert (part.rows, part.faulty[0]["row"]) == (0, 2)
    assert desk.cost("Launch")[0] == 31
    whole = desk.rows(*(f"Launch,2026-05-{day:02},EUR,2,1,1" for day in (1, 15, 31)))
    assert (whole.rows, whole.faulty) == (3, [])
    assert desk.cost("Launch")[0] == 6
    desk.take(month)
    assert desk.cost("Launch")[0] == 31


def test_unknown_campaigns_are_kept_until_somebody_says_what_they_are(
    desk: Any, ads: Any, tmp_path: Any
) -> None:
    desk.campaign("Launch", "500 EUR")
    file = tmp_path / "r.csv"
    file.write_text(
        "Campaign,Day,Cost,Clicks,Impr.,Currency code\n[EU] Search – brand,2026-05-04,5.50,1,10,EUR\n",
        "utf-8",
    )
    code, document = ads("import", str(file), "--format", "google")
    assert code == 0
    assert document["unmapped"] == [
        {"campaign": "[EU] Search – brand", "rows": 1, "spend": 5.5, "currency": "EUR"}
    ]
    assert {"rows", "spend", "clicks", "impressions", "currency", "unchanged", "faulty"} <= set(document)
    assert desk.cost("Launch")[0] == 0
    assert ads("map", "[eu] search – BRAND", "Launch") == (
        0,
        {"name": "[eu] search – BRAND", "campaign": "launch"},
    )
    assert desk.cost("Launch")[0] == Decimal("5.50")
    assert ads("import", str(file))[1]["unmapped"] == []
    desk.campaign("Other")
    belonging.say(desk.services, "[EU] Search – brand", "other")
    told(desk)
    assert (desk.cost("Launch")[0], desk.cost("Other")[0]) == (0, Decimal("5.50"))
    with pytest.raises(NotFound):
        belonging.say(desk.services, "x", "no such campaign")


def test_utm_campaign_of_the_final_address_tells_it_too(desk: Any) -> None:
    desk.campaign("Launch", "500 EUR")
    head = "Campaign,Day,Cost,Currency code,Final URL\n"
    desk.take(head + "Anything,2026-05-04,3,EUR,https://x.test/?utm_campaign=launch&a=1\n")
    assert desk.cost("Launch")[0] == 3
    assert desk.take(head + "Odd,2026-05-04,3,EUR,http://[\n").unmapped


def test_other_currencies_are_converted_at_the_rate_of_their_day_or_not_at_all(
    desk: Any, tmp_path: Any
) -> None:
    desk.campaign("Launch", "500 EUR")
    found = desk.rows(
        "Launch,2026-05-04,USD,10,1,1", "Launch,2026-05-09,USD,10,1,1", "Launch,2026-05-04,EUR,1,1,1"
    )
    assert [each["row"] for each in found.faulty] == [2, 3]
    assert "no rate from USD to EUR for 2026-05-04" in found.faulty[0]["reason"]
    assert (found.spend, found.by_currency) == (None, {"EUR": Decimal(1), "USD": Decimal(20)})
    assert desk.cost("Launch")[0] == 1
    file = tmp_path / "rates.csv"
    file.write_text(
        "date,from,to,rate\n2026-05-04,EUR,USD,1.25\n2026-05-08,EUR,USD,1.6\n2026-05-08,EUR,EUR,1\n2026-05-08,EUR,XXQ,1\nx,EUR,USD,-1\n"
    )
    result = import_rates(desk.services, file)
    assert (result["saved"], [each["row"] for each in result["faulty"]]) == (2, [4, 5, 6])
    told(desk)
    assert desk.cost("Launch") == (Decimal("15.25"), "EUR", [])


def test_file_without_a_currency_is_read_in_that_of_the_account_or_campaign_and_says_so(desk: Any) -> None:
    desk.campaign("Launch", "500 EUR")
    bare = "Campaign,Day,Cost\nLaunch,2026-05-04,3\nUnknown,2026-05-04,3\n"
    found = desk.take(bare)
    assert (found.currency, found.faulty[0]["row"]) == ("EUR", 3)
    assert "read as EUR" in found.findings[0]["message"]
    desk.account("acme", currency="USD")
    assert desk.take(bare).currency == "USD"
    assert desk.take(bare, currency="CHF").currency == "CHF"


def test_a_dollar_sign_is_no_currency_and_never_that_of_an_account_in_euros(desk: Any) -> None:
    desk.campaign("Launch", "500 EUR")
    desk.account("acme", currency="EUR")
    signs = "Campaign,Day,Cost\n" + "".join(
        f"Launch,2026-05-0{day},{sign}3.50\n" for day, sign in enumerate(("$", "€", "£", "CA$"), start=1)
    )
    found = desk.take(signs)
    by_sign = {code: Decimal("3.50") for code in ("CAD", "EUR", "GBP")}
    assert found.by_currency == by_sign
    assert (found.faulty[0]["row"], found.faulty[0]["column"]) == (2, "currency")
    assert "by --currency" in found.faulty[0]["reason"]
    assert desk.take(signs, currency="AUD").by_currency == {**by_sign, "AUD": Decimal("3.50")}


def test_costs_of_a_flight_belong_to_its_publication(desk: Any) -> None:
    desk.campaign("Launch", "500 EUR")
    desk.account("acme")
    flight = desk.flight("Search ads", "Launch", "acme", "100 EUR")
    desk.work()
    assert desk.shown(flight)["state"] == "published"
    desk.rows("Search Ads,2026-05-04,EUR,3,1,1", "Launch,2026-05-05,EUR,4,1,1", "Launch,2026-04-01,EUR,8,1,1")
    with desk.workspace.db.session() as session:
        from cms_core.campaigns.service import find_campaign
        from cms_core.reports.campaign import report

        found = report(session, find_campaign(session, "Launch"))
    assert {slug: row.cost for slug, row in found.by_asset} == {"": 8, "search-ads": 7}
    assert {name: row.cost for name, row in found.by_channel} == {"ads": 15}


def test_flight_ends_by_itself(desk: Any) -> None:
    desk.campaign("Launch")
    desk.account("acme")
    flight = desk.flight("Search ads", "Launch", "acme", days=2)
    desk.work()
    desk.clock.at += timedelta(days=3)
    desk.work()
    assert desk.shown(flight)["state"] == "withdrawn"


def test_file_that_is_none_leaves_nothing_behind(desk: Any, ads: Any, tmp_path: Any) -> None:
    with pytest.raises(Invalid):
        desk.take(b"PK\x03\x04 not a report")
    file = tmp_path / "r.csv"
    file.write_text("Campaign,Day,Cost,Currency code\nLaunch,soon,1,EUR\n")
    code, document = ads("import", str(file))
    assert (code, document["error"]["message"]) == (1, "all rows are faulty; nothing was saved")
    file.write_text("Campaign,Day,Cost,Currency code\nLaunch,soon,1,EUR\nLaunch,2026-05-04,1,EUR\n")
    code, document = ads("import", str(file))
    assert (code, document["rows"], document["faulty"][0]["column"]) == (5, 1, "day")
    with desk.workspace.db.session() as session:
        assert session.query(Cost).count() == 1


def test_naughty_strings_are_kept_as_names_or_told_as_faults(desk: Any, naughty: list[str]) -> None:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Campaign", "Day", "Cost", "Currency code", "Account name", "Final URL"])
    for name in naughty:
        writer.writerow([name, "2026-05-04", "1", "EUR", name, name])
    found = desk.take(text.getvalue().encode("utf-8", "replace"))
    assert found.rows + len(found.faulty) >= len(naughty) - 3
    assert desk.take(text.getvalue().encode("utf-8", "replace")).unchanged == found.rows
    for name in naughty[:50]:
        belonging.folded(name)
