"""Segments select whom their rule says: every form once, the edges, and any rule against a plain evaluation in Python."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core.audience import segments
from cms_core.audience.compile import compile_rule
from cms_core.audience.imports import ImportResult
from cms_core.audience.models import Contact
from cms_core.db import now
from cms_core.errors import Conflict, Invalid, NotFound

PEOPLE = """email,first_name,country,company,stage,score,since
ann@x.de,Ann,FR,Lark Ltd,intent,5,2026-01-31
bob@x.de,Bob,fr,Lark Ltd,evaluation,40,2026-02-01 and later
cid@y.de,Cid,DE,,Intent,1e3,
dan@y.de,Dan,,Finch,,100,soon
eve@y.de,"Eve ""100%"" _x_",US,,,-2.5,2026-03-01
"""
ImportText = Callable[..., ImportResult]
Happen = Callable[..., None]


@pytest.fixture
def who(session: Session, bring: ImportText) -> Callable[[str], str]:
    """The initials of those who fit a rule, of five people."""
    bring(PEOPLE)
    before = set(session.scalars(select(Contact.id)))

    def run(rule: str) -> str:
        condition = compile_rule(session, rule)
        found = session.scalars(select(Contact.first_name).where(condition, Contact.id.in_(before)))
        names = "".join(sorted(name[0] for name in found))
        assert len(names) == segments.count(session, rule)
        return names

    return run


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('country = "FR"', "AB"),
        ('country != "FR"', "CDE"),
        ('not country = "FR"', "CDE"),
        ('country in ("fr", "US")', "ABE"),
        ('country not in ("fr", "US")', "CD"),
        ("country is empty", "D"),
        ('country = ""', "D"),
        ('country in ("", "DE")', "CD"),
        ("country is not empty", "ABCE"),
        ('country < "F"', "C"),
        ('country >= "fr"', "ABE"),
        ('company = "lark ltd"', "AB"),
        ("company is empty", "CE"),
        ('company != "Finch"', "ABCE"),
        ('email like "%@Y.de"', "CDE"),
        ('first_name like "_o_"', "B"),
        ('first_name like "%100%%"', "E"),
        ('country like "%"', "ABCE"),
        (r'first_name like "a\\%"', ""),
        ('stage in ("intent", "evaluation")', "ABC"),
        ("stage is empty", "DE"),
        ("score > 5", "BD"),
        ("score >= 5", "ABD"),
        ("score < 0", "E"),
        ("score = 5.0", "A"),
        ("score != 5", "BCDE"),
        ("not score > 5", "ACE"),
        ('score in (5, 100, "1e3")', "ACD"),
        ('score > "5"', ""),
        ("since = 2026-02-01", "B"),
        ("since < 2026-02-01", "A"),
        ("since >= 2026-02-01", "BE"),
        ("since != 2026-02-01", "ACDE"),
        ("since in (2026-01-31, 2026-03-01)", "AE"),
        ("created_at = 2026-05-04", "ABCDE"),
        ("created_at < 2026-05-04", ""),
        ("created_at <= 2026-05-04", "ABCDE"),
        ("created_at > 2026-05-04", ""),
        ('created_at >= "2026-05-04"', "ABCDE"),
        ("created_at > 2026-05-04T08:59+02:00", "ABCDE"),
        ("created_at > 2026-05-04T09:00+02:00", ""),
        ('created_at in (2026-05-03, "2026-05-04")', "ABCDE"),
        ("created_at is empty", ""),
        ('country = "FR" or country = "DE" and stage = "x"', "AB"),
        ('(country = "FR" or country = "DE") and not stage = "intent"', "B"),
        ("""first_name = "' or 1=1 --" """, ""),
    ],
)
def test_terms(who: Callable[[str], str], rule: str, expected: str) -> None:
    assert who(rule) == expected


def test_events_of_people(session: Session, who: Callable[[str], str], happen: Happen) -> None:
    today = now(session)
    for _ in range(2):
        happen("clicked", "ann@x.de", "Launch")
    happen("clicked", "bob@x.de", "Launch", today - timedelta(days=31))
    happen("clicked", "cid@y.de", "launch", agent="bot")
    happen("opened", "dan@y.de", "Launch", today - timedelta(days=30))
    happen("clicked", "eve@y.de", "Other")
    for rule, expected in {
        'clicked("Launch")': "AB",
        'clicked("launch") > 0': "AB",
        'clicked("Launch") within 30 days': "A",
        'opened("Launch") within 30 days': "D",
        'opened("Launch") within 29 days': "",
        'clicked("Launch") >= 2': "A",
        'clicked("Launch") = 1': "B",
        'clicked("Launch") = 0': "CDE",
        'clicked("Launch") < 2': "BCDE",
        'clicked("Launch") <= 1 within 5 weeks': "BCDE",
        'clicked("Launch") != 0': "AB",
        'not clicked("Launch")': "CDE",
        'visited("Launch") or clicked("Other")': "E",
        'country = "FR" and clicked("Launch") within 800 hours': "AB",
    }.items():
        assert who(rule) == expected, rule


def test_segments_in_segments(session: Session, who: Callable[[str], str]) -> None:
    segments.create(session, "France", 'country = "FR"')
    segments.create(session, "Lark", 'company like "lark%" and in segment "France"')
    ids = session.scalars(select(Contact.id).where(Contact.first_name.in_(["Ann", "Cid"]))).all()
    static = segments.create_static(session, "Guests", ids)
    assert who('in segment "Guests"') == "AC"
    assert who('in segment "Lark" and not in segment "Guests"') == "B"
    everybody = [*ids, *session.scalars(select(Contact.id))]
    assert [segments.add_members(session, static, everybody) for _ in range(2)] == [3, 0]
    assert segments.count(session, "Guests") == 5
    assert segments.count(session, "France") == 2


def test_circles_are_refused(session: Session, who: Callable[[str], str]) -> None:
    first = segments.create(session, "A", 'country = "FR"')
    segments.create(session, "B", 'in segment "A"')
    with pytest.raises(Invalid, match="A → B → A"):
        segments.change_rule(session, first, 'not in segment "B"')
    with pytest.raises(Invalid, match="lead back to themselves"):
        segments.create(session, "C", 'in segment "C"')
    first.rule = 'in segment "B"'
    session.flush()
    with pytest.raises(Invalid, match="A → B → A"):
        segments.count(session, "A")


def test_nesting_cannot_blow_up(session: Session) -> None:
    segments.create(session, "s0", 'country = "FR"')
    for level in range(1, 7):
        part = f'in segment "s{level - 1}"'
        segments.create(session, f"s{level}", f"{part} or {part}")
    with pytest.raises(Invalid, match="more than 200 terms"):
        segments.create(session, "s7", 'in segment "s6" or in segment "s6"')


@pytest.mark.parametrize(
    ("rule", "message", "remedy"),
    [
        (
            'cuntry = "FR"',
            "rule, column 1: unknown field cuntry",
            "did you mean country? the fields are: email, first_name",
        ),
        ('a = 1 or stge = "x"', "column 1: unknown field a", "stage"),
        (
            "country = 5",
            "column 1: country is a text and cannot be compared with 5",
            'write "5" in double quotes',
        ),
        ("created_at = 5", "created_at is an instant", "2026-05-04"),
        ('created_at = "soon"', "created_at is an instant", "2026-05-04"),
        ('created_at like "2026%"', "created_at is an instant", "created_at >="),
        ("since > 2026-05-04T09:00Z", "since is compared by the day", "2026-05-04"),
        (
            'not in segment "Lrk"',
            "column 5: there is no segment 'Lrk'",
            "did you mean Lark? the segments are: Lark",
        ),
    ],
)
def test_faults_of_meaning(session: Session, bring: ImportText, rule: str, message: str, remedy: str) -> None:
    bring(PEOPLE)
    segments.create(session, "Lark", 'company = "Lark Ltd"')
    with pytest.raises(Invalid) as fault:
        segments.create(session, "new", rule)
    assert message in fault.value.message
    assert remedy in fault.value.remedy


def test_a_name_goes_before_a_rule(session: Session, who: Callable[[str], str]) -> None:
    segments.create(session, 'country = "DE"', 'country = "FR"')
    assert segments.count(session, 'country = "DE"') == 2
    with pytest.raises(Invalid, match="no segment has this name, and as a rule it fails"):
        segments.count(session, "Frence")
    with pytest.raises(NotFound):
        segments.find(session, "Frence")


def test_names_are_taken_once(session: Session, who: Callable[[str], str]) -> None:
    segments.create(session, " A ", 'country = "FR"')
    with pytest.raises(Conflict):
        segments.create(session, "A", 'country = "FR"')
    for name in ("", " ", "x" * 121):
        with pytest.raises(Invalid):
            segments.create(session, name, 'country = "FR"')


def test_changing_a_rule_makes_a_version(session: Session, who: Callable[[str], str]) -> None:
    segment = segments.create(session, "A", 'country = "FR"')
    segments.change_rule(session, segment, 'country = "FR"')
    assert segment.version == 1
    segments.change_rule(session, segment, 'country = "DE"')
    assert (segment.version, segments.count(session, "A")) == (2, 1)
    with pytest.raises(Invalid):
        segments.change_rule(session, segment, "country =")


def test_merged_and_erased_people_are_in_no_segment(session: Session, who: Callable[[str], str]) -> None:
    ann, bob = session.scalars(select(Contact).where(Contact.first_name.in_(["Ann", "Bob"]))).all()
    static = segments.create_static(session, "Both", [ann.id, bob.id])
    ann.erased_at, bob.merged_into_id = now(session), ann.id
    session.flush()
    assert segments.count(session, 'country = "FR"') == 0
    assert segments.count(session, "Both") == 0
    assert session.scalars(segments.member_ids(session, static)).all() == []


def test_members_can_be_joined_with_contacts(session: Session, who: Callable[[str], str]) -> None:
    segment = segments.create(session, "Lark", 'company = "Lark Ltd" and not clicked("X")')
    ids = segments.member_ids(session, segment)
    people = session.scalars(select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id)).all()
    assert [each.first_name for each in people] == ["Ann", "Bob"]
    assert session.scalar(select(func.count()).select_from(ids.subquery())) == 2


def test_consent_is_how_people_stand_to_mail(session: Session, bring: ImportText) -> None:
    bring("email,consent\na@x.de,yes\nb@x.de,no\nc@x.de,unsubscribed\nd@x.de,\n")
    counted = {word: segments.count(session, f'consent = "{word}"') for word in ("yes", "no", "unsubscribed")}
    assert counted == {"yes": 1, "no": 2, "unsubscribed": 1}


def test_events_of_a_person_are_found_by_the_person(session: Session) -> None:
    """By campaign, each person would cost all events of the campaign: minutes instead of milliseconds."""
    rule = 'opened("Launch") >= 2 within 30 days or clicked("Launch") > 0'
    query = select(Contact.id).where(compile_rule(session, rule))
    compiled: Any = query.compile(session.connection(), compile_kwargs={"render_postcompile": True})
    values = [compiled.params[name] for name in compiled.positiontup]
    plain = [str(value) for value in values]
    plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", tuple(plain)).all()
    used = " ".join(str(row) for row in plan)
    assert used.count("ix_core_event_contact") == 2, used
    assert "ix_core_event_campaign" not in used
