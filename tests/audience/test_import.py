"""Importing contacts: what is saved, what is left out with which reason, and what is never undone."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.audience import contacts, fields
from cms_core.audience.consent import withdraw
from cms_core.audience.imports import ImportResult
from cms_core.audience.models import Company, Consent, Contact, ContactChange, Suppression
from cms_core.audience.upsert import BATCH, upsert_many
from cms_core.auth.models import AuditEntry
from cms_core.db import now
from cms_core.errors import Invalid

ImportText = Callable[..., ImportResult]
Person = Callable[[str], Contact]


def count(session: Session, model: type) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def stands(session: Session, email: str = "a@x.de") -> str:
    return str(next(row["consent"] for row in contacts.list_rows(session) if row["email"] == email))


def test_a_column_may_be_left_out(session: Session, bring: ImportText) -> None:
    text = "email,First name,Private notes\nann@x.de,Ann,likes cake\n"
    assert bring(text, mapping={"Private notes": "-", "First name": "-"}).created == 1
    ann = contacts.find_or_none(session, "ann@x.de")
    assert ann is not None
    assert (ann.first_name, ann.extra, fields.known(session)) == ("", {}, {})
    with pytest.raises(Invalid, match="no column of e-mail addresses"):
        bring(text, mapping={"email": "-"})


def test_people_with_all_their_fields(session: Session, bring: ImportText) -> None:
    result = bring(
        "E-Mail;First Name;Surname;Organisation;Country;Lang;Time zone;Consent;Funnel Stage\n"
        " Ann@X.de ;Ann;Lee;Lark Ltd;FR;fr;europe/paris;YES;intent\n"
    )
    assert (result.created, result.skipped, result.saved) == (1, [], True)
    ann = contacts.find_or_none(session, "ANN@x.de")
    assert ann is not None
    assert contacts.to_contract(session, [ann]) == [
        c.Contact(
            ann.public_id,
            "ann@x.de",
            "Ann",
            "Lee",
            "Lark Ltd",
            "FR",
            "fr",
            "Europe/Paris",
            {"funnel_stage": "intent"},
        )
    ]
    assert fields.known(session) == {"funnel_stage": "Funnel Stage"}
    consent = session.scalars(select(Consent)).one()
    assert (consent.action, consent.basis, consent.evidence) == (
        "granted",
        "import",
        {"file": "people.csv", "row": 2},
    )


def test_importing_twice_changes_and_writes_nothing(session: Session, bring: ImportText) -> None:
    text = "email,first_name,company,consent,stage\na@x.de,Ann,Lark,yes,intent\nb@x.de,,,unsubscribed,\n"
    bring(text)
    before = [count(session, model) for model in (Contact, ContactChange, Consent, Suppression, Company)]
    result = bring(text)
    assert (result.created, result.updated, result.unchanged) == (0, 0, 2)
    assert [
        count(session, model) for model in (Contact, ContactChange, Consent, Suppression, Company)
    ] == before


def test_changes_are_told_and_empty_cells_erase_nothing(
    session: Session, bring: ImportText, person: Person
) -> None:
    bring("email,first_name,country,stage,city\na@x.de,Ann,FR,intent,Lyon\n")
    result = bring("email,first_name,country,stage,company\na@x.de,,DE,,Lark\n")
    assert (result.updated, result.unchanged) == (1, 0)
    ann = person("a@x.de")
    assert (ann.first_name, ann.country, ann.extra) == ("Ann", "DE", {"stage": "intent", "city": "Lyon"})
    changes = session.execute(
        select(ContactChange.change, ContactChange.fields).order_by(ContactChange.id)
    ).all()
    assert [tuple(each) for each in changes] == [
        ("created", ["email", "first_name", "country", "stage", "city"]),
        ("updated", ["country", "company"]),
    ]


def test_faulty_rows_are_left_out_with_row_and_reason(bring: ImportText) -> None:
    result = bring(
        "email,first_name,timezone,consent,country\n"
        "a@x.de,Ann,,yes,FR\n"
        "not-an-address,Bob,,,\n"
        ",Cid,,,\n"
        ",,,,\n"
        "d@x.de,Dan,Mars/Base,,\n"
        "e@x.de,Eve,,maybe,\n"
        f"f@x.de,{'x' * 201},,,\n"
        "A@X.de,Again,,,\n"
        "d@x.de,Dan,Europe/Rome,,\n"
        "g@x.de,Gus\n"
        f"h@x.de,Hal,,,{'y' * 81}\n"
    )
    assert result.created == 2
    assert [(each["row"], each["reason"]) for each in result.skipped] == [
        (3, "'not-an-address' is not an e-mail address: it has no @-sign"),
        (4, "no e-mail address"),
        (6, "timezone 'Mars/Base' is unknown"),
        (7, "consent 'maybe' is not one of yes, no, unsubscribed"),
        (8, "first_name has 201 characters, at most 200 are kept"),
        (9, "duplicate of row 2"),
        (11, "has 2 cells where the header has 5"),
        (12, "country has 81 characters, at most 80 are kept"),
    ]


def test_unsubscribing_beats_every_later_yes(session: Session, bring: ImportText) -> None:
    bring("email,consent\na@x.de,yes\n")
    assert stands(session) == "yes"
    assert bring("email,consent\na@x.de,unsubscribed\n").updated == 1
    assert stands(session) == "unsubscribed"
    again = bring("email,consent\na@x.de,yes\n")
    assert (again.updated, again.unchanged) == (0, 1)
    assert again.notes == ["1 who unsubscribed stay unsubscribed, whatever the file says"]
    assert bring("email,consent\na@x.de,no\n").unchanged == 1
    assert stands(session) == "unsubscribed"


def test_what_a_person_withdrew_no_import_grants_again(
    session: Session, bring: ImportText, person: Person
) -> None:
    bring("email,consent\na@x.de,yes\n")
    withdraw(session, [person("a@x.de").id], "email", basis="preferences", source="page", evidence={})
    assert bring("email,consent\na@x.de,yes\n").unchanged == 1
    assert stands(session) == "unsubscribed"


def test_what_somebody_refuses_is_heard_though_another_cell_is_bad(
    session: Session, bring: ImportText
) -> None:
    head = "email,timezone,consent\n"
    bring(f"{head}a@x.de,,yes\nb@x.de,,yes\nc@x.de,,yes\n")
    result = bring(
        f"{head}a@x.de,CET+1,unsubscribed\nb@x.de,CET+1,no\nc@x.de,CET+1,stopped\n"
        "d@x.de,CET+1,Unsubscribed\nd@x.de,Europe/Paris,yes\n"
    )
    assert [each["row"] for each in result.skipped] == [2, 3, 4, 5]
    assert result.created == 1
    assert [stands(session, f"{name}@x.de") for name in "abcd"] == [
        "unsubscribed",
        "yes",
        "yes",
        "unsubscribed",
    ]


def test_suppression_outlives_the_contact(session: Session, bring: ImportText, person: Person) -> None:
    bring("email,consent\na@x.de,unsubscribed\n")
    erased = person("a@x.de")
    erased.email, erased.erased_at = None, now(session)
    session.flush()
    assert bring("email,consent\na@x.de,yes\n").created == 1
    assert stands(session) == "unsubscribed"


def test_no_withdraws_only_what_was_granted_and_may_be_corrected(session: Session, bring: ImportText) -> None:
    bring("email,consent\na@x.de,no\n")
    assert (count(session, Consent), stands(session)) == (0, "no")
    for word in ("yes", "no", "yes"):
        assert bring(f"email,consent\na@x.de,{word}\n").updated == 1
        assert stands(session) == word
    assert count(session, Consent) == 3


def test_without_consent_nobody_may_be_mailed(session: Session, bring: ImportText) -> None:
    result = bring("email\na@x.de\n")
    assert stands(session) == "no"
    assert any("no consent column" in note for note in result.notes)


def test_dry_run_tells_the_same_and_saves_nothing(session: Session, bring: ImportText) -> None:
    text = "email,company,stage,consent\na@x.de,Lark,x,unsubscribed\nbad,,,\n"
    rehearsal = bring(text, dry_run=True)
    assert not rehearsal.saved
    for model in (Contact, ContactChange, Consent, Suppression, Company, AuditEntry):
        assert count(session, model) == 0
    assert fields.known(session) == {}
    real = bring(text)
    assert (rehearsal.created, rehearsal.skipped, rehearsal.notes) == (real.created, real.skipped, real.notes)


@pytest.mark.parametrize("how", [{"all_or_nothing": True}, {}])
def test_nothing_is_saved_when_all_or_nothing_fails_or_all_rows_are_faulty(
    session: Session, bring: ImportText, how: dict[str, bool]
) -> None:
    good = "a@x.de,1\n" if how else ""
    result = bring(f"email,stage\n{good}bad,1\n", **how)
    assert (result.saved, result.created, len(result.skipped)) == (False, 0, 1)
    assert bring(f"email,stage\n{good}bad,1\n", dry_run=True, **how).created == len(how)
    assert (count(session, Contact), fields.known(session)) == (0, {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "name,city\nAnn,Lyon\n",
            "people.csv has no column of e-mail addresses; its columns are: name, city",
        ),
        ('email\na@x.de\n"b@x.de\n', "row 3: a quote that opens at line 3 is never closed"),
        ("", "has no header row"),
    ],
)
def test_structural_faults_save_nothing(session: Session, bring: ImportText, text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        bring(text)
    assert count(session, Contact) == 0


def test_mapping_sends_columns_to_fields(session: Session, bring: ImportText, person: Person) -> None:
    bring("Wer,Wo,email\na@x.de,FR,second@x.de\n", {"Wer": "email", "Wo": "Lead Region"})
    assert person("a@x.de").extra == {"lead_region": "FR"}
    with pytest.raises(Invalid, match="has no column 'Who'"):
        bring("Wer\na@x.de\n", {"Who": "email"})


def test_of_double_columns_the_first_filled_one_counts(
    session: Session, bring: ImportText, person: Person
) -> None:
    result = bring("email,E-mail,Stage,stage,\n,a@x.de,,intent,lost\nb@x.de,c@x.de,eval,intent,\n")
    assert [person(email).extra for email in ("a@x.de", "b@x.de")] == [{"stage": "intent"}, {"stage": "eval"}]
    assert result.notes[:3] == [
        "columns 1 and 2 are all email: the first filled one counts",
        "columns 3 and 4 are all stage: the first filled one counts",
        "columns without a name were left out: 5",
    ]


def test_protected_cells_come_back_as_they_were(session: Session, bring: ImportText, person: Person) -> None:
    bring("email,first_name,phone,last_name\na@x.de,'=1+1,+49 30 123,O'Neil\n")
    ann = person("a@x.de")
    assert (ann.first_name, ann.extra["phone"], ann.last_name) == ("=1+1", "+49 30 123", "O'Neil")


def test_names_of_own_fields() -> None:
    assert fields.custom_name("Lead Score (new)") == "lead_score_new"
    assert fields.custom_name("Größe") == "grosse"
    assert fields.custom_name("2nd visit") == "custom_2nd_visit"
    assert fields.custom_name("Source") == "custom_source"
    assert fields.custom_name("город") == fields.custom_name("Город") != fields.custom_name("страна")
    for label in ("Lead Score", "город", "x" * 300, "not", "Straße 5"):
        name = fields.custom_name(label)
        assert fields.custom_name(name) == name
        assert len(name) <= 60


def test_tombstones_are_left_alone(session: Session, bring: ImportText, person: Person) -> None:
    bring("email\na@x.de\n")
    person("a@x.de").erased_at = now(session)
    session.flush()
    result = bring("email,first_name\na@x.de,Ann\nb@x.de,Bob\n")
    assert result.skipped == [{"row": 2, "reason": "a@x.de belongs to a contact that was merged or erased"}]
    assert [row["email"] for row in contacts.list_rows(session)] == ["b@x.de"]


def test_batches_do_not_show(session: Session, bring: ImportText) -> None:
    size = BATCH + 3
    lines = [f"p{i}@x.de,{i % 7},Firm {i % 11},yes" for i in range(size)]
    text = "\n".join(["email,n,company,consent", *lines, "p0@x.de,9,Other,yes"])
    result = bring(text)
    assert (result.created, result.skipped) == (size, [{"row": size + 2, "reason": "duplicate of row 2"}])
    assert [count(session, model) for model in (Contact, ContactChange, Consent, Company)] == [
        size,
        size,
        size,
        11,
    ]
    assert bring(text).unchanged == size


def test_an_import_is_in_the_audit_log(session: Session, bring: ImportText) -> None:
    bring("email\na@x.de\nbad\n")
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "import")).one()
    assert (entry.subject, entry.changes) == ("people.csv", {"created": 1, "updated": 0, "skipped": 1})


def test_plugins_create_and_complete_people_by_address(session: Session, person: Person) -> None:
    ids = upsert_many(
        session,
        [
            c.Contact("", " Ann@X.de", "Ann", company="Lark", fields={"Score": 5, "vip": True}),
            c.Contact("", "b@x.de"),
            c.Contact("", "ann@x.de", last_name="Lee"),
        ],
        source="crm",
    )
    ann = person("ann@x.de")
    assert ids == [ann.public_id, person("b@x.de").public_id, ann.public_id]
    assert (ann.first_name, ann.last_name, ann.extra, ann.source) == (
        "Ann",
        "Lee",
        {"score": "5", "vip": "true"},
        "crm",
    )
    assert stands(session, "ann@x.de") == "no"
    with pytest.raises(Invalid):
        upsert_many(session, [c.Contact("", "c@x.de", fields={"a": ["list"]})], source="crm")
