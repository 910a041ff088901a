"""Segments: groups of contacts by rule, or static by their member rows. Erased and merged contacts belong to none."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cms_core.audience.compile import Names, compile_rule
from cms_core.audience.contacts import alive
from cms_core.audience.models import Contact, Segment, SegmentMember
from cms_core.db import now
from cms_core.dialect import insert_missing
from cms_core.errors import Conflict, Invalid, NotFound

MAX_NAME_LENGTH = 120


def create(session: Session, name: str, rule: str) -> Segment:
    """Make a segment by rule; raises Invalid for a rule that does not compile, Conflict for a name that is taken."""
    name = _free_name(session, name)
    compile_rule(session, rule, within=name)
    return _add(session, name, rule.strip())


def create_static(session: Session, name: str, contact_ids: Iterable[int]) -> Segment:
    """Make a segment of these contacts."""
    segment = _add(session, _free_name(session, name), "")
    add_members(session, segment, contact_ids)
    return segment


def change_rule(session: Session, segment: Segment, rule: str) -> None:
    """Give a segment another rule; raises Invalid for a rule that does not compile or leads back to the segment."""
    if not segment.rule:
        raise Invalid(f"segment {segment.name!r} is static and has no rule", "add or remove its members")
    compile_rule(session, rule, within=segment.name)
    if segment.rule != rule.strip():
        segment.rule = rule.strip()
        segment.version += 1
        session.flush()


def add_members(session: Session, segment: Segment, contact_ids: Iterable[int]) -> int:
    """Put contacts into a static segment; those already in it stay. Returns how many are new in it."""
    if segment.rule:
        raise Invalid(f"segment {segment.name!r} goes by a rule", "change the rule instead")
    rows = [{"segment_id": segment.id, "contact_id": contact_id} for contact_id in sorted(set(contact_ids))]
    session.flush()
    added = insert_missing(session, SegmentMember, rows)
    segment.version += 1 if added else 0
    session.flush()
    return added


def ensure_static(session: Session, name: str) -> Segment:
    """The segment of this name, made as a static one if there is none; raises Invalid for a name that cannot be one."""
    name = _sound_name(name)
    known = session.scalar(select(Segment).where(Segment.name == name))
    if known is not None:
        return known
    try:
        with session.begin_nested():
            return _add(session, name, "")
    except IntegrityError:  # somebody else made it in this moment
        return find(session, name)


def find(session: Session, name: str) -> Segment:
    """The segment of this name; raises NotFound that suggests a close one."""
    found = session.scalar(select(Segment).where(Segment.name == name))
    if found is None:
        close = _close_name(session, name)
        remedy = f"did you mean {close!r}?" if close else "`cms segments list` shows them"
        raise NotFound(f"there is no segment {name!r}", remedy)
    return found


def list_all(session: Session) -> list[Segment]:
    """All segments by name."""
    return list(session.scalars(select(Segment).order_by(Segment.name)))


def document(segment: Segment) -> dict[str, Any]:
    """A segment with the keys of ``cms segments list --json``."""
    return {
        "id": segment.public_id,
        "name": segment.name,
        "kind": "rule" if segment.rule else "static",
        "rule": segment.rule,
        "created_at": segment.created_at,
    }


def member_ids(session: Session, segment: Segment) -> Select[int]:
    """SQL: the ids of a segment's living members as of now; raises Invalid when its rule does not hold any more."""
    return select(Contact.id).where(alive(), _condition(session, segment))


def fitting_ids(session: Session, rule: str, *, within: str = "") -> Select[int]:
    """SQL: the ids of the living contacts that fit a rule, saved or not; raises Invalid for one that does not compile."""
    return select(Contact.id).where(alive(), compile_rule(session, rule, within=within))


def count_ids(session: Session, ids: Select[int]) -> int:
    """How many contacts a query of ids finds."""
    return int(session.scalar(select(func.count()).select_from(ids.subquery())) or 0)


def count(session: Session, name_or_rule: str) -> int:
    """How many living contacts are in the segment of this name or, when there is none, fit this rule."""
    segment = session.scalar(select(Segment).where(Segment.name == name_or_rule))
    if segment is not None:
        return count_members(session, segment)
    try:
        condition = compile_rule(session, name_or_rule)
    except Invalid as error:
        close = _close_name(session, name_or_rule)
        remedy = f"did you mean the segment {close!r}?" if close else error.remedy
        raise Invalid(f"no segment has this name, and as a rule it fails: {error.message}", remedy) from None
    return _count(session, condition)


def count_members(session: Session, segment: Segment) -> int:
    """How many living contacts are in a segment now."""
    return _count(session, _condition(session, segment))


def counts(
    session: Session, wanted: Iterable[Segment], known: Iterable[Segment] = ()
) -> dict[int, int | Invalid]:
    """How many living contacts are in each of these segments, by its id, in one statement; Invalid where a rule does not hold.

    ``known`` are segments already read, which the rules may name.
    """
    names = Names(session, known)
    found: dict[int, int | Invalid] = {}
    columns = []
    for segment in wanted:
        try:
            condition = _condition(session, segment, names)
        except Invalid as error:
            found[segment.id] = error
        else:
            query = select(func.count(Contact.id)).where(alive(), condition)
            columns.append(query.scalar_subquery().label(f"s{segment.id}"))
    if columns:
        row = session.execute(select(*columns)).one()._mapping
        found.update({int(name[1:]): int(count) for name, count in row.items()})
    return found


def find_by_public_id(session: Session, public_id: str) -> Segment:
    """The segment of this public id; raises NotFound."""
    found = session.scalar(select(Segment).where(Segment.public_id == public_id))
    if found is None:
        raise NotFound("this segment does not exist", "start from the list of segments")
    return found


def _condition(session: Session, segment: Segment, names: Names | None = None) -> ColumnElement[bool]:
    if segment.rule:
        return compile_rule(session, segment.rule, within=segment.name, names=names)
    return Contact.id.in_(select(SegmentMember.contact_id).where(SegmentMember.segment_id == segment.id))


def _count(session: Session, condition: ColumnElement[bool]) -> int:
    query: Select[Any] = select(func.count(Contact.id)).where(alive(), condition)
    return int(session.scalar(query) or 0)


def _close_name(session: Session, name: str) -> str:
    """The segment's name that looks most like this one, or ""."""
    if len(name) > MAX_NAME_LENGTH:
        return ""
    names = session.scalars(select(Segment.name)).all()
    return next(iter(get_close_matches(name, names, n=1)), "")


def _sound_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH or "\0" in name:
        raise Invalid(f"a segment's name has 1 to {MAX_NAME_LENGTH} characters", "give it a short name")
    return name


def _free_name(session: Session, name: str) -> str:
    name = _sound_name(name)
    if session.scalar(select(Segment.id).where(Segment.name == name)) is not None:
        raise Conflict(f"there is a segment {name!r} already", "take another name")
    return name


def _add(session: Session, name: str, rule: str) -> Segment:
    segment = Segment(name=name, rule=rule, created_at=now(session))
    session.add(segment)
    session.flush()
    return segment
