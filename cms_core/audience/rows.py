"""One row of a contact file as a person: fields, own fields, and what it says of consent."""

from collections.abc import Mapping, Sequence

from cms_core.addresses import normalise
from cms_core.audience import fields
from cms_core.audience.columns import Column, Plan
from cms_core.audience.consent import Standing
from cms_core.audience.products import CSV
from cms_core.audience.signals import evidence_of, read_attributes, read_signals, split_name, split_tags
from cms_core.audience.upsert import Incoming
from cms_core.csvfile import Row, unprotect_cell
from cms_core.errors import Invalid

CONSENT_WORDS = frozenset(Standing)


class RowReader:
    """Reads rows by a plan. Zones that nobody knows spoil a row of one's own file; in an export they are left out and counted."""

    def __init__(self, plan: Plan, name: str) -> None:
        self._plan = plan
        self._name = name
        self._own = plan.product is CSV
        self._labels: dict[str, str] = {}
        self._unknown_zones = 0

    def person(self, row: Row) -> Incoming:
        """What a row says; raises Invalid with the reason for leaving it out."""
        if row.fault:
            raise Invalid(row.fault)
        cells, plan = row.cells, self._plan
        address = _cell(cells, plan.email)
        if not address:
            raise Invalid("no e-mail address")
        consent = _cell(cells, plan.consent).casefold()
        if consent and consent not in CONSENT_WORDS:
            raise Invalid(f"consent {consent[:40]!r} is not one of yes, no, unsubscribed")
        values = self._filled(cells, plan.values)
        extra = self._filled(cells, plan.extra)
        evidence = {"file": self._name, "row": row.number} if consent else {}
        person = Incoming(normalise(address), values, extra, consent, evidence)
        return self._with_signals(person, row) if plan.signals else person

    def new_labels(self) -> Mapping[str, str]:
        """The own fields found in JSON since this was last asked, name → label."""
        found, self._labels = self._labels, {}
        return found

    def notes(self) -> list[str]:
        """What was left out of rows that were taken."""
        count = self._unknown_zones
        return [f"{count} time zones were left out: nobody knows them"] if count else []

    def _with_signals(self, person: Incoming, row: Row) -> Incoming:
        cells = [
            (header, meaning, text)
            for header, meaning, column in self._plan.signals
            if (text := _cell(row.cells, (column,)))
        ]
        said = read_signals([(meaning, text) for _, meaning, text in cells], person.consent)
        values, extra, tags = dict(person.values), dict(person.extra), []
        for _, meaning, text in cells:
            if meaning == "@tags":
                tags += split_tags(text)
            elif meaning == "@name":
                values = {
                    **{name: fields.clean(name, part) for name, part in split_name(text).items()},
                    **values,
                }
            elif meaning == "@attributes":
                self._take_attributes(text, values, extra)
        evidence = {
            "file": self._name,
            "row": row.number,
            "format": self._plan.product.name,
            **evidence_of(cells),
        }
        return person._replace(
            values=values,
            extra=extra,
            consent=said.consent,
            evidence=evidence if said.consent or said.bounced else {},
            bounced=said.bounced,
            tags=tags,
        )

    def _take_attributes(self, text: str, values: dict[str, str], extra: dict[str, str]) -> None:
        for label, value in read_attributes(text).items():
            target = fields.field_of_header(label)
            if target in ("email", "consent"):
                target = f"custom_{target}"
            if target in fields.MAX_LENGTH:
                self._put(values, target, value)
            else:
                extra[target] = fields.clean(target, value)
                self._labels.setdefault(target, label)

    def _filled(self, cells: Sequence[str], columns: Sequence[Column]) -> dict[str, str]:
        found: dict[str, str] = {}
        for target, indexes, unchecked in columns:
            text = cells[indexes[0]].strip()
            if not text or text[0] == "'":
                text = _cell(cells, indexes)
            if text and len(text) <= unchecked:
                found[target] = text
            elif text:
                self._put(found, target, text)
        return found

    def _put(self, found: dict[str, str], target: str, text: str) -> None:
        if target == "timezone" and not self._own:
            text = text.replace("_slash_", "/").replace(" ", "_")
            try:
                found[target] = fields.clean(target, text)
            except Invalid:
                self._unknown_zones += 1
        else:
            found[target] = fields.clean(target, text)


def _cell(cells: Sequence[str], indexes: tuple[int, ...]) -> str:
    """The first filled cell, as it was before an export protected it."""
    for index in indexes:
        text = cells[index].strip()
        if text:
            return unprotect_cell(text).strip() if text[0] == "'" else text
    return ""
