"""Translations of slides: which one a deck in some language takes, and whether the original has changed since.

A translation is another slide of the same presentation, so both are in each version of the file, and decks are copied
from one file. What marketing asks of the original holds for its translations.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy import select

from cms_core import Invalid, Services
from cms_sales_enablement import material, presentations, rules
from cms_sales_enablement.library_models import SlideFacet, SlideVariant
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import Deck, Slide, SlideRule
from cms_sales_enablement.pptx.findings import Finding, Level
from cms_sales_enablement.presentations import Kept
from cms_sales_enablement.rules import Rules
from cms_sales_enablement.slide_facets import locale_of

ORIGINAL = "original"  # asked for in the place of a language: no translation


def chain(locale: str) -> Iterator[str]:
    """The locales that will do for one, the best first: de-AT, de (RFC 4647, lookup)."""
    parts = locale.casefold().split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()
        if len(parts) > 1 and len(parts[-1]) == 1:  # a singleton begins what follows it
            parts.pop()


def chosen(members: Mapping[str, str], locale: str, original: str) -> str:
    """The member (by locale) that a deck in this locale takes, the original where there is none."""
    by_locale = {each.casefold(): uid for each, uid in members.items()}
    return next((by_locale[each] for each in chain(locale) if each in by_locale), original)


@dataclass(frozen=True)
class Translations:
    """The translations among the slides of a presentation (by their ids), and the locales of those of which one is known."""

    rows: Mapping[str, SlideVariant]
    locales: Mapping[str, str]

    @property
    def languages(self) -> list[str]:
        """The locales that a deck can be made in."""
        told = {row.locale for row in self.rows.values()}
        return sorted(
            told | {self.locales[row.original] for row in self.rows.values() if row.original in self.locales}
        )

    def original(self, uid: str) -> str:
        """The slide that a slide translates, or itself."""
        return self.rows[uid].original if uid in self.rows else uid


@dataclass(frozen=True)
class Variants(Translations):
    """The same with the presentation itself, and the rules of today."""

    made_of: Material
    rules: Rules

    @property
    def by_uid(self) -> Mapping[str, Slide]:
        """All slides by their ids."""
        return self.made_of.by_ref

    @cached_property
    def for_originals(self) -> Rules:
        """The rules as they are kept: of translations nothing is asked."""
        return replace(
            self.rules, slides={uid: rule for uid, rule in self.rules.slides.items() if uid not in self.rows}
        )

    @cached_property
    def for_all(self) -> Rules:
        """The same for whoever looks at single slides: what is asked of an original holds for its translations."""
        found = dict(self.for_originals.slides)
        for uid, row in self.rows.items():
            if (rule := _both(self.rules.slides.get(row.original), self.rules.slides.get(uid))) is not None:
                found[uid] = rule
        return replace(self.rules, slides=found)

    @cached_property
    def behind(self) -> frozenset[str]:
        """The translations whose originals look different since they were said to be current."""
        return frozenset(
            uid for uid, row in self.rows.items() if self.by_uid[row.original].digest != row.digest
        )

    @cached_property
    def _families(self) -> Mapping[str, Mapping[str, str]]:
        """The slides that a deck can show for an original, by locale."""
        found: dict[str, dict[str, str]] = {}
        for uid, row in self.rows.items():
            if not self.barred(uid):
                found.setdefault(row.original, {})[row.locale] = uid
        return found

    def barred(self, uid: str) -> str:
        """Why a slide may be in no deck, or ""."""
        return self.for_all.barred(uid)

    def in_locale(self, original: str, locale: str) -> str:
        """What a deck in this locale shows for an original."""
        own = {self.locales[original]: original} if original in self.locales else {}
        return chosen({**self._families.get(original, {}), **own}, locale, original)

    def arrange(self, picks: Sequence[str], locale: str = "") -> list[Slide]:
        """What ``rules.arrange`` does, each slide in the wanted language.

        Without picks each slide once, in that language; who picks a slide in two languages gets both, unless one is wanted.
        """
        if len(set(picks)) < len(picks):
            raise Invalid("a slide was picked twice", "name each once", field="pick")
        families: dict[str, list[str]] = {}
        for uid in picks or self._usable_originals():
            families.setdefault(self.original(uid), []).append(uid)
        if locale == ORIGINAL:
            families = {original: [original] for original in families}
        elif locale:
            wanted = locale_of(locale)
            families = {original: [self.in_locale(original, wanted)] for original in families}
        order = rules.arrange(self.for_originals, self.made_of, list(families))
        found = [self.by_uid[uid] for slide in order for uid in families[slide.uid]]
        if picks and not locale and [slide.uid for slide in order] == list(families):
            found = [self.by_uid[uid] for uid in picks]  # no rule has moved any
        for slide in found:
            rules.require_usable(self.for_all, slide)
        rules.require_number(self.rules, len(found))
        return found

    def carried(self, earlier: Sequence[str]) -> list[str]:
        """What ``rules.carried`` does: slides of an earlier deck, in the language that they had there."""
        originals = list(dict.fromkeys(map(self.original, earlier)))
        found = rules.carried(self.for_originals, self.made_of, originals)
        return [uid for original in found for uid in self._as_before(original, earlier)]

    def others(self, there: Collection[str]) -> list[Slide]:
        """The slides that could be added to a deck of these: none that is in it in another language."""
        families = set(map(self.original, there))
        return [self.by_uid[uid] for uid in self._usable_originals() if uid not in families]

    def findings(self, picks: Sequence[str]) -> Iterator[Finding]:
        """What a deck that was made earlier breaks today, and its translations that are behind."""
        originals = list(map(self.original, picks))
        missing = rules.findings(self.for_originals, self.made_of, originals)
        yield from (
            each for each in rules.findings(self.for_all, self.made_of, picks) if each.code != rules.REQUIRED
        )
        yield from (each for each in missing if each.code == rules.REQUIRED)
        for uid in picks:
            if uid in self.behind:
                words = f"“{self.by_uid[uid].title}” is a translation of a slide that has changed since"
                yield Finding(Level.WARNING, "translation_behind", uid, words)

    def _usable_originals(self) -> list[str]:
        found = [uid for uid in self.by_uid if uid not in self.rows and not self.barred(uid)]
        if not found:
            rules.require_number(self.rules, 0)
        return found

    def _as_before(self, original: str, earlier: Sequence[str]) -> list[str]:
        found = [
            uid
            for uid in earlier
            if uid in self.by_uid and self.original(uid) == original and not self.barred(uid)
        ]
        return found or [original]


def leaving(svc: Services, made_of: Material, deck: Deck) -> list[Slide]:
    """The slides of a deck that others may see today, in its order: hidden ones are for the house."""
    today = of(svc, made_of)
    return [slide for slide in made_of.of(deck) if not (slide.hidden or today.barred(slide.uid))]


def of(svc: Services, made_of: Material) -> Variants:
    """The translations that the present version of a presentation has, and the rules of today."""
    asset = made_of.kept.asset.id
    found = translations(svc, [made_of.kept])[asset]
    own = rules.of(svc, asset)
    return Variants(found.rows, found.locales, made_of, _with_others(svc, made_of, own))


def translations(svc: Services, several: Sequence[Kept]) -> Mapping[str, Translations]:
    """The translations that the present versions of some presentations have, by asset."""
    assets = [kept.asset.id for kept in several]
    locale = select(SlideFacet.asset, SlideFacet.uid, SlideFacet.value).where(
        SlideFacet.asset.in_(assets), SlideFacet.name == "locale"
    )
    rows: dict[str, list[SlideVariant]] = {asset: [] for asset in assets}
    with svc.session() as session:
        for row in session.scalars(select(SlideVariant).where(SlideVariant.asset.in_(assets))):
            rows[row.asset].append(row)
        said = {(asset, uid): value for asset, uid, value in session.execute(locale)}
    return {kept.asset.id: _translations(kept, rows[kept.asset.id], said) for kept in several}


def _translations(
    kept: Kept, found: Iterable[SlideVariant], said: Mapping[tuple[str, str], str]
) -> Translations:
    asset, there = kept.asset, {slide.uid for slide in kept.slides}
    rows = {row.uid: row for row in found if {row.uid, row.original} <= there}
    known = {uid: said.get((asset.id, uid), asset.locale) for uid in there}
    known |= {uid: row.locale for uid, row in rows.items()}
    return Translations(rows, {uid: each for uid, each in known.items() if each})


def of_presentation(svc: Services, kept: Kept) -> Variants:
    """The same as ``of``, of a presentation as it is."""
    return of(svc, material.of_presentation(svc, kept))


def completed(svc: Services, named: str, picks: Sequence[str]) -> Sequence[str]:
    """Some slides of a presentation with those that must be in each deck; none stay none."""
    if not picks:
        return ()
    found = of_presentation(svc, presentations.find(svc, named)).carried(picks)
    return [*found, *(uid for uid in picks if uid not in found)]  # what may not be used is refused later


def _with_others(svc: Services, made_of: Material, own: Rules) -> Rules:
    """What must be in the decks of one presentation need not be in those of another; what may not be used may not be used there."""
    found = dict(own.slides)
    for asset, other in made_of.others.items():
        for uid, rule in of_presentation(svc, other).for_all.slides.items():
            ref = f"{asset}:{uid}"
            found[ref] = SlideRule(
                asset=asset, uid=uid, required=False, locked=False,
                forbidden=rule.forbidden, pinned="", until=rule.until,
            )  # fmt: skip
    return replace(own, slides=found)


def _both(original: SlideRule | None, own: SlideRule | None) -> SlideRule | None:
    """The rule of a translation: that of its original, and it may be held back by itself."""
    if original is None or own is None:
        return original or own
    days = [each.until for each in (original, own) if each.until is not None]
    return SlideRule(
        asset=own.asset,
        uid=own.uid,
        required=original.required,
        locked=original.locked,
        forbidden=original.forbidden or own.forbidden,
        pinned=original.pinned,
        until=min(days, default=None),
    )
