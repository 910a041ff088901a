"""What single slides are about: said by marketing, kept apart from files, so that it holds for each version of one.

Of what is not said of a slide, that of its presentation holds.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from cms_core import Asset, Invalid, Services, insert_missing, read_csv
from cms_sales_enablement.library_models import SlideFacet, SlideVariant
from cms_sales_enablement.models import Document
from cms_sales_enablement.presentations import Kept
from cms_sales_enablement.rules import CHANGE

FACETS = ("funnel_stage", "industry", "persona", "product", "locale")
AT_DOORS = {"stage": "funnel_stage"}  # the names that people type
NAMES = ("stage", *FACETS[1:])
LONGEST, MOST = 80, 20
LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
SLIDE, BETWEEN = "slide", "|"

Values = Mapping[str, Sequence[str]]


def of(svc: Services, asset: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """What is said of the slides of a presentation themselves: values by facet, by slide."""
    query = select(SlideFacet).where(SlideFacet.asset == asset).order_by(SlideFacet.name, SlideFacet.value)
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    with svc.session() as session:
        for row in session.scalars(query):
            own = found.setdefault(row.uid, {})
            own[row.name] = (*own.get(row.name, ()), row.value)
    return found


def of_asset(asset: Asset) -> dict[str, tuple[str, ...]]:
    """The same of an asset as a whole."""
    told = {name: str(asset.body.get(name) or "")[:LONGEST] for name in ("industry", "product")}
    told |= {"funnel_stage": asset.funnel_stage, "persona": asset.persona, "locale": asset.locale}
    return {name: (told[name],) for name in FACETS if told[name]}


def say(svc: Services, kept: Kept, said: Mapping[str, Values]) -> None:
    """Say by slide and facet what they are about; no values take it away, what is not named stays.

    Raises Forbidden, NotFound for a slide that there is not, and Invalid; then nothing is changed.
    """
    svc.require(CHANGE)
    for uid in said:
        kept.find_slide(uid)
    wanted = {uid: {name: _clean(name, values) for name, values in of.items()} for uid, of in said.items()}
    asset = kept.asset.id
    with svc.transaction() as session:
        lock(session, asset)
        _require_no_variant(session, asset, [uid for uid, of in wanted.items() if "locale" in of])
        for uid, facets in wanted.items():
            mine = (SlideFacet.asset == asset, SlideFacet.uid == uid, SlideFacet.name.in_(facets))
            session.execute(delete(SlideFacet).where(*mine))
        insert_missing(session, SlideFacet, list(_rows(asset, wanted)))
        told = {uid: at_doors(facets) for uid, facets in wanted.items()}
        svc.note("update", "sales_enablement_slide_facet", asset, told)


def from_csv(data: bytes, name: str) -> dict[str, dict[str, list[str]]]:
    """What a sheet says, by slide: a column of ids and one for each facet, several values with a bar between.

    An empty cell takes away what was said. Raises Invalid with the row.
    """
    file = read_csv(data, name, known=lambda cell: _column(cell) in (SLIDE, *NAMES))
    columns = {_column(cell): at for at, cell in enumerate(file.header) if cell}
    if unknown := [each for each in columns if each not in (SLIDE, *NAMES)]:
        raise Invalid(
            f"{name} has a column {unknown[0][:40]!r}", f"name them slide, {', '.join(NAMES)}", field="file"
        )
    if SLIDE not in columns or len(columns) < 2:
        raise Invalid(
            f"{name} says nothing of slides", f"its columns are slide, {', '.join(NAMES)}", field="file"
        )
    found: dict[str, dict[str, list[str]]] = {}
    for row in file.rows():
        if row.fault:
            raise Invalid(
                f"{name}, row {row.number} {row.fault}", "mend it; nothing was changed", field="file"
            )
        uid = row.cells[columns[SLIDE]].strip()
        if uid in found:
            raise Invalid(
                f"{name}, row {row.number}: slide {uid[:80]!r} comes twice", "name it once", field="file"
            )
        found[uid] = {
            AT_DOORS.get(each, each): row.cells[at].split(BETWEEN)
            for each, at in columns.items()
            if each != SLIDE
        }
    return found


def at_doors(facets: Values) -> dict[str, list[str]]:
    """Facets as people and programs outside name them."""
    return {
        name: list(facets[inside]) for name, inside in zip(NAMES, FACETS, strict=True) if inside in facets
    }


def from_doors(facets: Mapping[str, Any]) -> dict[str, Any]:
    """The same the other way round."""
    return {AT_DOORS.get(name, name): value for name, value in facets.items()}


def locale_of(text: str) -> str:
    """A locale as it is kept; raises Invalid for what is none."""
    locale = text.strip()
    if not LOCALE.fullmatch(locale) or len(locale) > 35:
        raise Invalid(f"{locale[:40]!r} is no locale", "write de, or de-AT", field="locale")
    language, *rest = locale.split("-")
    return "-".join([language.lower(), *map(_subtag, rest)])


def _subtag(text: str) -> str:
    return {2: text.upper(), 4: text.title()}.get(len(text), text.lower())


def forget(session: Session, asset: str, uid: str, name: str) -> None:
    """Take away what is said of one facet of a slide."""
    mine = (SlideFacet.asset == asset, SlideFacet.uid == uid, SlideFacet.name == name)
    session.execute(delete(SlideFacet).where(*mine))


def lock(session: Session, asset: str) -> None:
    """Let nobody else change what is said of the slides of this presentation meanwhile."""
    session.execute(select(Document.id).where(Document.asset == asset).with_for_update())


def _column(cell: str) -> str:
    return cell.strip().casefold()


def _clean(name: str, values: Iterable[str]) -> list[str]:
    if name not in FACETS:
        raise Invalid(f"{name[:40]!r} is no facet of slides", f"say one of {', '.join(NAMES)}", field=name)
    words = (" ".join(each.replace("\0", "").split()) for each in values)
    found = list(dict.fromkeys(word for word in words if word))
    if name == "locale":
        found = [locale_of(each) for each in found]
    door = NAMES[FACETS.index(name)]
    if any(len(each) > LONGEST for each in found):
        raise Invalid(f"a {door} has at most {LONGEST} characters", "shorten it", field=door)
    if len(found) > (1 if name == "locale" else MOST):
        raise Invalid(f"a slide has not so many values of {door}", "name the ones that matter", field=door)
    return found


def _rows(asset: str, wanted: Mapping[str, Values]) -> Iterable[dict[str, str]]:
    for uid, facets in wanted.items():
        for name, values in facets.items():
            for value in values:
                yield {"asset": asset, "uid": uid, "name": name, "value": value}


def _require_no_variant(session: Session, asset: str, uids: Sequence[str]) -> None:
    query = select(SlideVariant.uid).where(SlideVariant.asset == asset, SlideVariant.uid.in_(uids))
    if (uid := session.scalars(query.limit(1)).first()) is not None:
        raise Invalid(
            f"slide {uid} is a translation: its locale is that of the translation",
            "`cms sales templates variant` says which one",
            field="locale",
        )
