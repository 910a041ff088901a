"""Numbers, days and headers as vendors write them. No database."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_ads import dates, numbers
from cms_ads.rates import Rates
from cms_ads.report import read_report
from cms_core import Invalid

GOOGLE_EN = """Campaign report
"May 1, 2026 - May 3, 2026"
Campaign,Day,Currency code,Cost,Impr.,Clicks,CTR
Launch,2026-05-01,EUR,"1,234.56","10,000",120,1.20%
Launch,2026-05-02,EUR,0.44, --,0, --
"Total: Campaigns", --,EUR,"1,235.00","10,000",120,1.20%
"Total: Account", --,EUR,"1,235.00","10,000",120,1.20%
"""
GOOGLE_DE = """Kampagnenbericht
01.05.2026 – 03.05.2026
Kampagne;Tag;Währungscode;Kosten;Impr.;Klicks
Launch;01.05.2026;EUR;1.234,56;10.000;120
Launch;02.05.2026;EUR;0,44;0;0
Gesamt: Kampagnen;--;EUR;1.235,00;10.000;120
"""
GOOGLE_FR = """Rapport sur les campagnes
Campagne;Jour;Code de devise;Coût;Impr.;Clics
Launch;1 mai 2026;EUR;1\u202f234,56;10\u202f000;120
Launch;2 mai 2026;EUR;0,44;0;0
Total : Campagnes;;EUR;1\u202f235,00;10\u202f000;120
"""
MICROSOFT = """"Report Name: Campaign"
"Report Time: 5/1/2026,5/3/2026"
"Time Zone: (GMT+01:00) Amsterdam, Berlin"

Gregorian date,Account name,Campaign name,Currency code,Impressions,Clicks,Spend
5/1/2026,Acme,Launch,EUR,10000,120,1234.56
5/13/2026,Acme,Launch,EUR,0,0,0.44

"©2026 Microsoft Corporation. All rights reserved. "
"""
META_EN = """Campaign name,Day,Amount spent (EUR),Impressions,Link clicks,Clicks (all),Reporting starts,Reporting ends
Launch,2026-05-01,1234.56,10000,120,150,2026-05-01,2026-05-01
Launch,2026-05-02,0.44,0,0,0,2026-05-02,2026-05-02
,,1235,10000,120,150,2026-05-01,2026-05-02
"""
META_DE = """Kampagnenname;Tag;Ausgegebener Betrag (EUR);Impressionen;Link-Klicks
Launch;2026-05-01;1234,56;10000;120
Launch;2026-05-02;0,44;0;0
"""
META_FR = """Nom de la campagne,Jour,Montant dépensé (EUR),Impressions,Clics sur le lien
Launch,2026-05-01,"1234,56",10000,120
Launch,2026-05-02,"0,44",0,0
"""
API = (
    "campaign.name,segments.date,metrics.cost_micros,metrics.impressions,metrics.clicks,customer.currency_code\n"
    "Launch,2026-05-01,1234560000,10000,120,EUR\nLaunch,2026-05-02,440000,0,0,EUR\n"
)


@pytest.mark.parametrize(
    ("vendor", "text"),
    [
        ("google", GOOGLE_EN), ("google", GOOGLE_DE), ("google", GOOGLE_FR), ("microsoft", MICROSOFT), ("meta", META_EN),
        ("meta", META_DE), ("meta", META_FR), ("google", API),
    ],
    ids=["google-en", "google-de", "google-fr", "microsoft", "meta-en", "meta-de", "meta-fr", "google-api"],
)  # fmt: skip
def test_reports_of_all_vendors_say_the_same(vendor: str, text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        found = read_report(text.encode(encoding))
        assert (found.vendor, found.faulty, found.findings) == (vendor, [], []), encoding
        assert [(f.name, f.currency, f.cost_micros, f.impressions, f.clicks) for f in found.facts] == [
            ("Launch", "EUR", 1_234_560_000, 10_000, 120), ("Launch", "EUR", 440_000, 0, 0),
        ]  # fmt: skip
        assert found.facts[0].day == found.facts[0].until == date(2026, 5, 1)
    tabbed = read_report(GOOGLE_DE.replace(";", "\t").encode("utf-16"))
    assert len(tabbed.facts) == 2


def test_totals_that_are_not_the_sum_are_told() -> None:
    found = read_report(GOOGLE_EN.replace('"1,235.00"', '"1,300.00"', 1).encode())
    (finding,) = found.findings
    assert "1300" in finding["message"]
    assert "1235" in finding["message"]
    assert finding["row"] == 4


def test_period_above_the_header_counts_where_no_column_has_the_day() -> None:
    found = read_report(
        b"Campaign report\n1 May 2026 - 31 May 2026\nCampaign,Cost,Clicks\nLaunch,EUR 5.00,2\n"
    )
    (fact,) = found.facts
    assert (fact.day, fact.until, fact.currency, fact.cost_micros) == (
        date(2026, 5, 1),
        date(2026, 5, 31),
        "EUR",
        5_000_000,
    )
    with pytest.raises(Invalid, match="which days"):
        read_report(b"Campaign,Cost,Clicks\nLaunch,5,2\n")


def test_faulty_rows_are_told_with_row_column_and_reason() -> None:
    text = "Campaign,Day,Currency code,Cost,Clicks,Impr.\n" + "\n".join([
        "A,2026-05-01,EUR,abc,1,1", "A,2026-13-01,EUR,1,1,1", "A,2026-05-01,XXQ,1,1,1", "A,2026-05-01,EUR,1,1.5,1",
        "A,2026-05-01,EUR,-5,1,1", ",2026-05-01,EUR,1,1,1", "A,2026-05-01,EUR", "A,2026-05-01,EUR,12%,1,1", "A,,EUR,1,1,1",
        "Total Recall,2026-05-01,EUR,1,1,1", "A,2026-05-01,EUR,1,1,1",
    ])  # fmt: skip
    found = read_report(text.encode())
    assert [(each["row"], each["column"]) for each in found.faulty] == [
        (2, "cost"), (3, "day"), (4, "currency"), (5, "clicks"), (6, "cost"), (7, "campaign"), (8, ""), (9, "cost"), (10, "day"),
    ]  # fmt: skip
    assert [fact.name for fact in found.facts] == ["Total Recall", "A"]
    assert all(each["reason"] for each in found.faulty)


NO_REPORTS = [
    b"", b"\0" * 100, b"PK\x03\x04x", b"%PDF-1.7", b"a,b\n1,2\n", b"Campaign\nx\n", b"Day,Cost\n2026-05-01,5\n",
    b'Campaign,Day,Cost\n"open',
]  # fmt: skip


@pytest.mark.parametrize("content", NO_REPORTS)
def test_what_is_no_report_is_refused_whole(content: bytes) -> None:
    with pytest.raises(Invalid):
        read_report(content)


def test_days_that_could_be_read_both_ways_are_told() -> None:
    both = read_report(b"Campaign,Day,Spend,Currency code\nA,5/4/2026,1,EUR\n")
    assert both.facts[0].day == date(2026, 5, 4)
    assert "month first" in both.findings[0]["message"]
    told = read_report(b"Campaign,Day,Spend,Currency code\nA,5/4/2026,1,EUR\nA,28/4/2026,1,EUR\n")
    assert (told.facts[0].day, told.findings) == (date(2026, 4, 5), [])


# --- rules --------------------------------------------------------------------------------------------------------------

AMOUNTS = st.decimals(0, 10**9, places=2, allow_nan=False, allow_infinity=False)


def written(value: Decimal, decimal: str, grouping: str) -> str:
    whole, _, rest = f"{value:,.2f}".partition(".")
    return whole.replace(",", grouping) + decimal + rest


MARKS = [(".", ","), (",", "."), (",", "\u202f"), (",", "\xa0"), (".", "'"), (".", "")]


@given(st.lists(AMOUNTS, min_size=1, max_size=5), st.sampled_from(MARKS))
def test_any_way_of_writing_gives_the_same_number(values: list[Decimal], marks: tuple[str, str]) -> None:
    texts = [written(value, *marks) for value in values]
    decimal = numbers.learn(texts, [], "." if marks[0] == "," else ",")
    assert decimal == marks[0]
    for around in ("{}", "{} €", "€{}", "EUR {}", "US$ {}"):
        assert [numbers.parse(around.format(text), decimal) for text in texts] == values


@given(st.text(max_size=20))
def test_a_cell_is_a_number_nothing_or_a_fault(text: str) -> None:
    for decimal in ".,":
        try:
            found = numbers.parse(text, decimal)
        except ValueError:
            continue
        assert found is None or abs(found) < 10**12


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_any_way_of_writing_gives_the_same_day(day: date) -> None:
    figures = [f"{day:%Y-%m-%d}", f"{day:%Y%m%d}", f"{day:%d.%m.%Y}", f"{day:%d/%m/%Y}"]
    for text in (*figures, f"{day.day} {day:%B} {day.year}", f"{day:%B} {day.day}, {day.year}"):
        assert dates.parse(text, "dmy") == day
    assert dates.parse(f"{day.month}/{day.day}/{day.year}", "mdy") == day


@given(st.integers(0, 10**15), st.fractions(Fraction(1, 1000), 1000))
def test_conversion_is_exact_and_goes_back(micros: int, rate: Fraction) -> None:
    day = date(2026, 5, 4)
    rates = Rates({("EUR", "USD"): {day: rate}})
    there = rates.convert(micros, "EUR", "USD", day)
    assert there == micros * rate
    assert rates.convert(10**6, "USD", "EUR", day) == Fraction(10**6) / rate
    assert rates.convert(micros, "EUR", "EUR", day) == micros
    assert rates.convert(micros, "EUR", "GBP", day) is None
    assert rates.convert(micros, "EUR", "USD", date(2026, 5, 11)) == there
    assert rates.convert(micros, "EUR", "USD", date(2026, 5, 12)) is None
    assert rates.convert(micros, "EUR", "USD", date(2026, 5, 3)) is None
