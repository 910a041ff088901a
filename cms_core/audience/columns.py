"""Where the columns of a contact file go: to a field, to a field of the workspace's own, to a signal of consent, or nowhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from cms_core.audience import fields
from cms_core.audience.products import CONSENT_SIGNALS, CSV, SIGNALS, TELLING_YES, Product, recognise
from cms_core.csvfile import CsvFile
from cms_core.errors import Invalid


class Column(NamedTuple):
    """Where a field is read from (the first filled column counts); values up to ``unchecked`` characters need no check."""

    field: str
    indexes: tuple[int, ...]
    unchecked: int


class Signal(NamedTuple):
    """A column that says more than a field: its header, what it means (``products.SIGNALS``), and where it stands."""

    header: str
    meaning: str
    column: int


@dataclass(frozen=True)
class Plan:
    """Which columns go where: those of the address, of consent, of built-in and of own fields with their labels, and signals."""

    product: Product
    email: tuple[int, ...]
    consent: tuple[int, ...]
    values: tuple[Column, ...]
    extra: tuple[Column, ...]
    signals: tuple[Signal, ...]
    labels: Mapping[str, str]
    notes: tuple[str, ...]

    def of_consent(self) -> "Plan":
        """Only what says whose row it is and whether they may be mailed, which a fault of another cell does not spoil."""
        signals = tuple(each for each in self.signals if each.meaning in {*CONSENT_SIGNALS, "@evidence"})
        return replace(self, values=(), extra=(), signals=signals)


def make_plan(file: CsvFile, mapping: Mapping[str, str]) -> Plan:
    """Decide where each column goes; raises Invalid when none holds the e-mail address."""
    product = recognise(file.header)
    targets = _targets(file, product, mapping)
    columns: dict[str, list[int]] = {}
    labels: dict[str, str] = {}
    for index, target in sorted(targets.items(), key=lambda each: file.header[each[0]] not in mapping):
        if target in SIGNALS:
            continue
        columns.setdefault(target, []).append(index)
        if target not in fields.BUILT_IN and target != "consent":
            labels.setdefault(target, file.header[index])
    if "email" not in columns:
        named = ", ".join(name for name in file.header if name)
        raise Invalid(
            f"{file.name} has no column of e-mail addresses; its columns are: {named}",
            "name it: --map COLUMN=email",
        )
    signals = [Signal(file.header[n], target, n) for n, target in targets.items() if target in SIGNALS]
    return Plan(
        product=product,
        email=tuple(columns["email"]),
        consent=tuple(columns.get("consent", ())),
        values=tuple(_column(name, columns[name]) for name in fields.MAX_LENGTH if name in columns),
        extra=tuple(_column(name, columns[name]) for name in labels),
        signals=tuple(_heard(file, product, signals)),
        labels=labels,
        notes=tuple(_notes(file, product, columns, signals)),
    )


def _heard(file: CsvFile, product: Product, signals: Sequence[Signal]) -> list[Signal]:
    """Mailchimp's file of people who never subscribed has a time of opt-in too; only its name says what they are."""
    never = product.name == "mailchimp" and file.name.lower().startswith(("nonsubscribed", "non-subscribed"))
    return [each for each in signals if not (never and each.meaning in TELLING_YES)]


def _notes(
    file: CsvFile, product: Product, columns: Mapping[str, Sequence[int]], signals: Sequence[Signal]
) -> list[str]:
    notes = []
    if product is not CSV:
        notes.append(f"this is an export of {product.label}")
    for target, indexes in columns.items():
        if len(indexes) > 1:
            names = " and ".join(str(index + 1) for index in indexes)
            notes.append(f"columns {names} are all {target}: the first filled one counts")
    unnamed = [str(index + 1) for index, name in enumerate(file.header) if not name]
    if unnamed:
        notes.append(f"columns without a name were left out: {', '.join(unnamed)}")
    meanings = {each.meaning for each in signals}
    if "consent" in columns or meanings & TELLING_YES:
        return notes
    if meanings & CONSENT_SIGNALS:
        notes.append(
            "the file says who must not be mailed, not who agreed: add a consent column for those who did"
        )
    else:
        notes.append("there is no consent column: whom you did not have consent of before, you may not mail")
    return notes


def _column(name: str, indexes: Sequence[int]) -> Column:
    unchecked = 0 if name == "timezone" else fields.MAX_LENGTH.get(name, fields.MAX_CUSTOM_LENGTH)
    return Column(name, tuple(indexes), unchecked)


def _targets(file: CsvFile, product: Product, mapping: Mapping[str, str]) -> dict[int, str]:
    missing = [name for name in mapping if name not in file.header]
    if missing:
        named = ", ".join(name for name in file.header if name)
        raise Invalid(
            f"{file.name} has no column {missing[0]!r}; its columns are: {named}",
            "correct --map COLUMN=field",
        )
    found = {
        index: _named(mapping[name]) if name in mapping else product.target(name)
        for index, name in enumerate(file.header)
        if name
    }
    return {index: target for index, target in found.items() if target != fields.LEFT_OUT}


def _named(target: str) -> str:
    """A target that somebody wrote down."""
    if target == fields.LEFT_OUT or target in SIGNALS:
        return target
    if target.startswith("@"):
        raise Invalid(f"{target[:40]!r} is nothing that a column can be", f"there are {', '.join(SIGNALS)}")
    return fields.field_of_header(target)
