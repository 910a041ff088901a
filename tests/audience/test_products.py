"""Exports of other products: recognised by their columns, and whoever opted out or bounced there is not mailed here."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience import contacts, fields, segments
from cms_core.audience.imports import ImportResult, import_contacts
from cms_core.audience.models import Consent, Contact, Suppression
from cms_core.audience.products import CSV, PRODUCTS, recognise
from cms_core.audience.signals import read_signals, split_tags
from cms_core.errors import Invalid

ImportText = Callable[..., ImportResult]

MAILCHIMP = (
    '"Email Address","First Name","Last Name","Address","MEMBER_RATING","OPTIN_TIME","OPTIN_IP","CONFIRM_TIME","CONFIRM_IP",'
    '"LATITUDE","LONGITUDE","GMTOFF","DSTOFF","TIMEZONE","CC","REGION","LAST_CHANGED","LEID","EUID","NOTES","TAGS"'
)
HUBSPOT = (
    "Record ID,First Name,Last Name,Email,Company name,Country/Region,Time Zone,Lifecycle Stage,Marketing contact status,"
    "Unsubscribed from all email,Email hard bounce reason"
)


def standing(session: Session) -> dict[str, str]:
    return {str(row["email"]): str(row["consent"]) for row in contacts.list_rows(session)}


def bounced(session: Session) -> int:
    return len(session.scalars(select(Suppression).where(Suppression.reason == "bounced")).all())


def test_mailchimp_members_with_consent_proof_and_tags(session: Session, bring: ImportText) -> None:
    text = MAILCHIMP + (
        '\nAnn@x.de,Ann,Lee,"1 Mill Lane",4,"2020-02-03 04:05:06",1.2.3.4,"2020-02-03 04:06:00",,48.1,11.5,1,2,Europe/Berlin,DE,by,'
        '"2021-01-01 00:00:00",123,abc,"a note","""VIP"",""Blog, daily"""\n'
        "bob@x.de,Bob,,,2,,,,,,,,,Mars/Base,FR,,,124,abd,,\n"
    )
    result = bring(text)
    assert (result.format, result.created, result.skipped) == ("mailchimp", 2, [])
    assert standing(session) == {"ann@x.de": "yes", "bob@x.de": "no"}, (
        "who has no time of opt-in did not agree"
    )
    proof = session.scalars(select(Consent)).one().evidence
    assert (proof["OPTIN_TIME"], proof["OPTIN_IP"], proof["file"], proof["row"], proof["format"]) == (
        "2020-02-03 04:05:06", "1.2.3.4", "people.csv", 2, "mailchimp",
    )  # fmt: skip
    ann = contacts.find_or_none(session, "ann@x.de")
    assert ann is not None
    assert (ann.first_name, ann.country, ann.timezone) == ("Ann", "DE", "Europe/Berlin")
    assert ann.extra == {"address": "1 Mill Lane", "member_rating": "4", "region": "by", "notes": "a note"}
    assert result.segments == [{"name": "VIP", "added": 1}, {"name": "Blog, daily", "added": 1}]
    assert segments.count(session, "Blog, daily") == 1
    assert "1 time zones were left out: nobody knows them" in result.notes
    again = bring(text)
    assert (again.unchanged, [each["added"] for each in again.segments]) == (2, [0, 0])


def test_mailchimp_unsubscribed_and_cleaned_never_come_back(session: Session) -> None:
    def file(name: str, head: str, row: str) -> ImportResult:
        return import_contacts(session, f"{head}\n{row}\n".encode(), name=name)

    subscribed = ("subscribed_members.csv", MAILCHIMP, 'a@x.de,A,,,2,"2020-02-03 04:05:06",,,,,,,,,,,,1,a,,')
    assert file(*subscribed).created == 1
    unsubscribed = MAILCHIMP + ",UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON"
    done = file(
        "unsubscribed.csv", unsubscribed, subscribed[2] + ',"2024-01-01 00:00:00",News,No longer interested'
    )
    assert (done.format, done.updated, standing(session)) == ("mailchimp", 1, {"a@x.de": "unsubscribed"})
    back = file(*subscribed)
    assert (back.unchanged, standing(session)) == (1, {"a@x.de": "unsubscribed"})
    assert any("stay unsubscribed" in note for note in back.notes)
    cleaned = file(
        "cleaned.csv",
        MAILCHIMP + ",CLEAN_TIME,CLEAN_CAMPAIGN_TITLE",
        'c@x.de,C,,,2,"2020-02-03 04:05:06",,,,,,,,,,,,2,b,,,"2024-01-01",News',
    )
    assert (cleaned.created, bounced(session)) == (1, 1)
    assert (
        file("subscribed.csv", MAILCHIMP, 'c@x.de,C,,,2,"2020-02-03 04:05:06",,,,,,,,,,,,2,b,,').unchanged
        == 1
    )
    assert standing(session)["c@x.de"] == "unsubscribed", "a suppression is never lifted by a file"
    never = file(
        "nonsubscribed_members.csv", MAILCHIMP, 'n@x.de,N,,,2,"2020-02-03 04:05:06",,,,,,,,,,,,3,c,,'
    )
    assert (never.created, standing(session)["n@x.de"]) == (1, "no")


def test_hubspot(session: Session, bring: ImportText) -> None:
    result = bring(
        f"\ufeff{HUBSPOT},Opted out of email: Newsletter,Preferred language\n"
        "1,Ann,Lee,ann@x.de,Lark,FR,america_slash_new_york,lead,Marketing contact,false,,,fr\n"
        "2,Bob,,bob@x.de,,,,lead,Marketing contact,true,,,\n"
        "3,Cat,,cat@x.de,,,,lead,Marketing contact,,UNKNOWN_USER,,\n"
        "4,Dan,,dan@x.de,,,,lead,Non-marketing contact,,,,\n"
        "5,Eve,,eve@x.de,,,,lead,Marketing contact,,,true,\n"
        "6,Foe,,,,,,lead,,,,,\n"
    )
    assert (result.format, result.created) == ("hubspot", 5)
    assert result.skipped == [{"row": 7, "reason": "no e-mail address"}]
    assert standing(session) == {
        "ann@x.de": "yes", "bob@x.de": "unsubscribed", "cat@x.de": "unsubscribed", "dan@x.de": "no", "eve@x.de": "no",
    }  # fmt: skip
    assert bounced(session) == 1
    ann = contacts.find_or_none(session, "ann@x.de")
    assert ann is not None
    assert (ann.timezone, ann.language, ann.country, ann.extra["lifecycle_stage"]) == (
        "America/New_York", "fr", "FR", "lead",
    )  # fmt: skip


def test_hubspot_list_of_unsubscribes(session: Session, bring: ImportText) -> None:
    result = bring(
        "Email,Portal Bounce,Portal Unsubscribe,Portal Spam Report,Global Bounce\na@x.de,,TRUE,,\nb@x.de,,,,TRUE\n"
    )
    assert (result.format, standing(session)) == (
        "hubspot",
        {"a@x.de": "unsubscribed", "b@x.de": "unsubscribed"},
    )
    assert bounced(session) == 1


def test_listmonk(session: Session, bring: ImportText) -> None:
    result = bring(
        "uuid,email,name,attributes,status,created_at,updated_at,lists\n"
        'u1,ann@x.de,Ann Mary Lee,"{""city"": ""Ulm"", ""projects"": 3, ""country"": ""DE"", ""stack"": {""a"": [1]}, ""x"":null}",'
        'enabled,2020-01-01,2020-01-02,"News,Product"\n'
        "u2,bob@x.de,Bob,{},blocklisted,2020-01-01,,News\n"
        "u3,cat@x.de,Cat,no json,disabled,2020-01-01,,\n"
    )
    assert (result.format, result.created, result.skipped) == ("listmonk", 3, [])
    assert standing(session) == {"ann@x.de": "yes", "bob@x.de": "unsubscribed", "cat@x.de": "no"}
    ann = contacts.find_or_none(session, "ann@x.de")
    assert ann is not None
    assert (ann.first_name, ann.last_name, ann.country) == ("Ann", "Mary Lee", "DE")
    assert ann.extra == {"city": "Ulm", "projects": "3", "stack": '{"a": [1]}'}
    assert set(ann.extra) <= set(fields.known(session))
    assert segments.count(session, "News") == 2


def test_mautic(session: Session, bring: ImportText) -> None:
    result = bring(
        "email,firstname,lastname,points,stage,preferred_locale,dnc,tags\n"
        "a@x.de,A,A,5,,de,0,vip|blog\nb@x.de,B,B,5,,,1,\nc@x.de,C,C,5,,,2,\nd@x.de,D,D,5,,,3,\ne@x.de,E,E,5,,,bounced,\n"
    )
    assert (result.format, result.created) == ("mautic", 5)
    assert standing(session) == {"a@x.de": "no", **{f"{each}@x.de": "unsubscribed" for each in "bcde"}}
    assert bounced(session) == 2
    assert segments.count(session, "vip") == 1


@pytest.mark.parametrize(
    "head",
    [
        "Id,FirstName,LastName,Email,HasOptedOutOfEmail,EmailBouncedDate,MailingCountry,Account.Name",
        "Contact ID,First Name,Last Name,Email,Email Opt Out,Email Bounced Date,Mailing Country,Account Name",
    ],
)
def test_salesforce(session: Session, bring: ImportText, head: str) -> None:
    result = bring(
        f"{head}\n1,A,A,a@x.de,false,,DE,Lark\n2,B,B,b@x.de,true,,DE,\n3,C,C,c@x.de,0,2024-01-01T00:00:00Z,,\n"
    )
    assert (result.format, result.created) == ("salesforce", 3)
    assert standing(session) == {"a@x.de": "no", "b@x.de": "unsubscribed", "c@x.de": "unsubscribed"}
    assert any("who must not be mailed" in note for note in result.notes)
    row = next(each for each in contacts.list_rows(session) if each["email"] == "a@x.de")
    assert (row["company"], row["country"]) == ("Lark", "DE")


def test_repeated_rows_are_left_out_but_not_what_they_forbid(session: Session, bring: ImportText) -> None:
    result = bring(
        f"{HUBSPOT}\n1,A,,a@x.de,,,,,Marketing contact,false,\n2,B,,a@x.de,,,,,Marketing contact,true,\n"
    )
    assert result.skipped == [{"row": 3, "reason": "duplicate of row 2"}]
    assert standing(session) == {"a@x.de": "unsubscribed"}


def test_mail_that_came_back_is_heard_of_a_row_that_is_left_out(session: Session, bring: ImportText) -> None:
    head = "Id,FirstName,LastName,Email,HasOptedOutOfEmail,EmailBouncedDate,MailingCountry"
    result = bring(f"{head}\n1,A,A,a@x.de,0,,DE\n2,{'B' * 201},B,b@x.de,0,2024-01-01T00:00:00Z,DE\n")
    assert (result.created, [each["row"] for each in result.skipped]) == (1, [3])
    assert standing(session)["b@x.de"] == "unsubscribed"


def test_signals_may_be_given_and_taken_away_by_hand(session: Session, bring: ImportText) -> None:
    bring("email,Labels,Left\na@x.de,vip; blog,\nb@x.de,,yes\n", {"Labels": "@tags", "Left": "@unsubscribed"})
    assert (segments.count(session, "blog"), standing(session)["b@x.de"]) == (1, "unsubscribed")
    bring(f"{HUBSPOT}\n1,A,,c@x.de,,,,,Marketing contact,,\n", {"Marketing contact status": "-"})
    assert standing(session)["c@x.de"] == "no"
    with pytest.raises(Invalid, match="nothing that a column can be"):
        bring("email,x\na@x.de,y\n", {"x": "@everything"})


def test_tags_never_touch_a_segment_that_goes_by_a_rule(session: Session, bring: ImportText) -> None:
    segments.create(session, "vip", 'country = "FR"')
    long = "x" * 121
    result = bring(f"email,Labels\na@x.de,vip\nb@x.de,{long}\n", {"Labels": "@tags"})
    assert result.segments == []
    assert segments.find(session, "vip").rule == 'country = "FR"'
    assert any("goes by a rule" in note for note in result.notes)
    assert any("1 to 120 characters" in note for note in result.notes)


def packed(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return out.getvalue()


def test_an_archive_of_several_files_is_one_import(session: Session) -> None:
    row = 'a@x.de,A,,,2,"2020-02-03 04:05:06",,,,,,,,,,,,1,a,,'
    data = packed(
        subscribed__csv=f"{MAILCHIMP}\n{row}\nnobody,,,,,,,,,,,,,,,,,,,,\n",
        unsubscribed__csv=f'{MAILCHIMP},UNSUB_TIME\n{row},"2024-01-01"\n',
        readme__md="no list",
    )
    dry = import_contacts(session, data, name="mc.zip", dry_run=True)
    assert (dry.created, dry.saved, standing(session)) == (1, False, {})
    done = import_contacts(session, data, name="mc.zip")
    assert (done.format, done.created, done.updated, standing(session)) == (
        "mailchimp",
        1,
        1,
        {"a@x.de": "unsubscribed"},
    )
    assert [(each["file"], each["row"]) for each in done.skipped] == [("subscribed.csv", 3)]
    for bad, words in (
        (packed(a__md="x"), "holds no CSV"),
        (packed(**{"../a__csv": "email\n"}), "outside itself"),
    ):
        with pytest.raises(Invalid, match=words):
            import_contacts(session, bad, name="bad.zip")
    with pytest.raises(Invalid, match="Excel or zip"):
        import_contacts(
            session, packed(**{"[Content_Types]__xml": "<x/>", "a__csv": "email\n"}), name="x.xlsx"
        )


def test_every_product_is_told_from_the_others_and_from_plain_files() -> None:
    for product in PRODUCTS:
        for mark in product.marks:
            assert recognise(sorted(mark)) is product, mark
    for plain in (
        "email,first_name,last_name,consent",
        "email,name",
        "E-Mail;Vorname;Nachname",
        "email,tags,status",
    ):
        assert recognise(plain.replace(";", ",").split(",")) is CSV


STRICTNESS = ("", "yes", "no", "unsubscribed")
CELL = st.sampled_from(
    ["true", "0", "false", "2024-01-01", "Subscribed", "cleaned", "Unsubscribed", "bounced", "whatever"]
)
SIGNAL = st.sampled_from(
    ["@unsubscribed", "@bounced", "@declined", "@agreed", "@status", "@do_not_contact", "@tags"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(SIGNAL, CELL), max_size=5), SIGNAL, CELL, st.sampled_from(STRICTNESS))
def test_another_signal_never_makes_it_less_strict(
    cells: list[tuple[str, str]], signal: str, cell: str, own: str
) -> None:
    before, after = read_signals(cells, own), read_signals([*cells, (signal, cell)], own)
    assert STRICTNESS.index(after.consent) >= STRICTNESS.index(before.consent)
    assert after.bounced >= before.bounced


@given(st.text(max_size=60))
def test_tags_of_any_text_are_tidy(text: str) -> None:
    for tag in split_tags(text):
        assert tag == " ".join(tag.split()) != ""


def test_the_newest_contact_is_the_same_person(session: Session, bring: ImportText) -> None:
    bring("email\na@x.de\n")
    bring(f"{HUBSPOT}\n1,A,,A@X.de,,,,,,,\n")
    assert [row.email for row in session.scalars(select(Contact))] == ["a@x.de"]


def test_products_of_any_columns(session: Session, bring: ImportText) -> None:
    weird: dict[str, Any] = {"=cmd()": "x", "<script>": "y", "\u202eevil": "z"}
    head, row = ",".join(weird), ",".join(weird.values())
    assert bring(f'email,attributes,name,{head}\na@x.de,"{{""=x"": ""=1""}}",A B,{row}\n').created == 1
