"""What marketing asks of decks: slides that must be in, may not, stand first or last, keep their order or have had their day.

Order is put right without a word; what is missing or may not be there is refused, so that no deck leaves against the rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select

from cms_core import Invalid, Services
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import DeckLimit, Slide, SlideRule
from cms_sales_enablement.pptx.findings import Finding, Level
from cms_sales_enablement.presentations import Kept

FIRST, LAST = "first", "last"
PLACES = ("", FIRST, LAST)
CHANGE = "content.edit"
REQUIRED = "slide_required"


@dataclass(frozen=True)
class Rules:
    """The rules of a presentation's decks on one day."""

    slides: Mapping[str, SlideRule] = field(default_factory=dict)
    least: int | None = None
    most: int | None = None
    today: date = date.min

    def required(self, uid: str) -> bool:
        """Whether a slide must be in each deck."""
        rule = self.slides.get(uid)
        return rule is not None and (rule.required or rule.locked) and not self.barred(uid)

    def locked(self, uid: str) -> bool:
        """Whether it must also keep its order."""
        return self.required(uid) and self.slides[uid].locked

    def barred(self, uid: str) -> str:
        """Why a slide may be in no deck, or ""."""
        rule = self.slides.get(uid)
        if rule is None:
            return ""
        if rule.forbidden:
            return "forbidden"
        return "expired" if rule.until is not None and rule.until < self.today else ""


def of(svc: Services, asset: str) -> Rules:
    """The rules of a presentation as they are today."""
    with svc.session() as session:
        rows = session.scalars(select(SlideRule).where(SlideRule.asset == asset))
        slides = {row.uid: row for row in rows}
        limit = session.get(DeckLimit, asset)
    return Rules(slides, limit.least if limit else None, limit.most if limit else None, svc.now().date())


def arrange(rules: Rules, made_of: Material, picks: Sequence[str]) -> list[Slide]:
    """The picked slides (none: all that may be) in an order that keeps the rules; raises Invalid for what breaks them."""
    kept, by_uid = made_of.kept, made_of.by_ref
    wanted = list(picks) or [slide.uid for slide in kept.slides if not rules.barred(slide.uid)]
    _require_known(made_of, wanted)
    for uid in wanted:
        require_usable(rules, by_uid[uid])
    if missing := [slide for slide in kept.slides if rules.required(slide.uid) and slide.uid not in wanted]:
        first = missing[0]
        raise Invalid(
            f"slide {first.uid} “{first.title[:80]}” must be in each deck of {kept.asset.slug!r}",
            f"pick it too: {','.join(slide.uid for slide in missing)}",
            field="pick",
        )
    require_number(rules, len(wanted))
    return [by_uid[uid] for uid in _ordered(rules, list(by_uid), wanted)]


def carried(rules: Rules, made_of: Material, earlier: Sequence[str]) -> list[str]:
    """The slides of an earlier deck that may still be used, and those that must be in by now."""
    there = [slide.uid for slide in made_of.kept.slides]
    staying = [uid for uid in earlier if uid in made_of.by_ref and not rules.barred(uid)]
    return staying + [uid for uid in there if rules.required(uid) and uid not in staying] if earlier else []


def findings(rules: Rules, made_of: Material, picks: Sequence[str]) -> Iterator[Finding]:
    """What a deck that was made earlier breaks today."""
    for slide in made_of.slides:
        if slide.uid in picks and (reason := rules.barred(slide.uid)):
            yield Finding(
                Level.WARNING, f"slide_{reason}", slide.uid, f"“{slide.title}” is {reason}; it is left out"
            )
        if slide.uid not in picks and rules.required(slide.uid):
            yield Finding(Level.WARNING, REQUIRED, slide.uid, f"“{slide.title}” must be in each deck by now")
    if rules.most is not None and len(picks) > rules.most:
        said = f"a deck may have at most {rules.most} slides by now; this one has {len(picks)}"
        yield Finding(Level.WARNING, "too_many_slides", "", said)
    if rules.least is not None and len(picks) < rules.least:
        said = f"a deck needs at least {rules.least} slides by now; this one has {len(picks)}"
        yield Finding(Level.WARNING, "too_few_slides", "", said)


def set_rule(svc: Services, kept: Kept, uid: str, said: Mapping[str, Any]) -> SlideRule:
    """Change what is said of a slide; what is not said stays. Raises NotFound, Forbidden and Invalid."""
    svc.require(CHANGE)
    kept.find_slide(uid)
    with svc.transaction() as session:
        rule = session.get(SlideRule, (kept.asset.id, uid))
        if rule is None:
            rule = SlideRule(
                asset=kept.asset.id, uid=uid, required=False, locked=False, forbidden=False, pinned=""
            )
            session.add(rule)
        for name, value in said.items():
            setattr(rule, name, value)
        if rule.forbidden and (rule.required or rule.locked):
            raise Invalid("a slide cannot be required and forbidden", "choose one", field="forbidden")
        if rule.pinned not in PLACES:
            raise Invalid(f"{rule.pinned[:20]!r} is no place", "first or last", field="pinned")
        session.flush()
    return rule


def set_limits(svc: Services, kept: Kept, least: int | None, most: int | None) -> None:
    """Say how few and how many slides a deck may have; None: any number."""
    svc.require(CHANGE)
    if (least is not None and least < 1) or (most is not None and most < max(1, least or 1)):
        raise Invalid(
            "decks cannot have so few slides", "give a least of 1 or more, and no smaller most", field="most"
        )
    with svc.transaction() as session:
        session.merge(DeckLimit(asset=kept.asset.id, least=least, most=most))


def require_usable(rules: Rules, slide: Slide) -> None:
    """Raise Invalid for a slide that may be in no deck."""
    if reason := rules.barred(slide.uid):
        raise Invalid(
            f"slide {slide.uid} “{slide.title[:80]}” may not be used: it is {reason}",
            "leave it out",
            field="pick",
        )


def _require_known(made_of: Material, wanted: Sequence[str]) -> None:
    if unknown := [each for each in wanted if each not in made_of.by_ref]:
        if why := made_of.lacking.get(unknown[0]):
            raise Invalid(why, "leave it out", field="pick")
        ids = ", ".join(made_of.by_ref)
        raise Invalid(
            f"{made_of.kept.asset.slug!r} has no slide {unknown[0]!r:.80}", f"it has {ids:.400}", field="pick"
        )
    if len(set(wanted)) < len(wanted):
        raise Invalid("a slide was picked twice", "name each once", field="pick")


def require_number(rules: Rules, count: int) -> None:
    """Raise Invalid for fewer or more slides than a deck may have."""
    if rules.least is not None and count < rules.least:
        raise Invalid(
            f"a deck needs at least {rules.least} slides; {count} are picked", "pick more", field="pick"
        )
    if rules.most is not None and count > rules.most:
        raise Invalid(
            f"a deck may have at most {rules.most} slides; {count} are picked", "pick fewer", field="pick"
        )
    if not count:
        raise Invalid("none of its slides may be used", "ask marketing", field="pick")


def _ordered(rules: Rules, natural: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Pinned slides at their ends, locked ones in the presentation's order on the places that they have together."""
    locked = iter([uid for uid in natural if uid in wanted and rules.locked(uid)])
    order = [next(locked) if rules.locked(uid) else uid for uid in wanted]

    def place(uid: str) -> int:
        rule = rules.slides.get(uid)
        return {FIRST: 0, LAST: 2}.get(rule.pinned if rule else "", 1)

    return sorted(order, key=place)
