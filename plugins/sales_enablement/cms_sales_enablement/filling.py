"""What a deck's fields are filled with, by what each takes: texts, pictures, figures of charts, rows of tables."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from cms_core import Invalid, Services
from cms_sales_enablement import images, values
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import Deck
from cms_sales_enablement.pptx.data import Chart, Rows, parse_rows
from cms_sales_enablement.pptx.fields import OWN
from cms_sales_enablement.pptx.findings import Finding, Level
from cms_sales_enablement.pptx.slots import LOGO, Kind

T = TypeVar("T")


@dataclass(frozen=True)
class Filling:
    """The arguments of ``DeckTemplate.write``."""

    values: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    charts: Mapping[str, Chart] = field(default_factory=dict)
    tables: Mapping[str, Rows] = field(default_factory=dict)


def of_deck(svc: Services, made_of: Material, deck: Deck) -> Filling:
    """What a deck says; raises Invalid that names the field for figures and rows that are none."""
    known = {name: each.value for name, each in values.restored(deck.values).items()}
    charts, tables = _named(made_of, Kind.CHART), _named(made_of, Kind.TABLE)
    return Filling(
        {name: value for name, value in known.items() if name not in charts | tables},
        {name: images.bytes_of(svc, name, id_) for name, id_ in deck.pictures.items() if svc.file(id_)},
        {name: _parsed(name, known[name], Chart.parse) for name in charts & known.keys()},
        {name: _parsed(name, known[name], parse_rows) for name in tables & known.keys()},
    )


def of_presentation(made_of: Material) -> Filling:
    """What stands where a field is, for who looks at a presentation: its name in brackets."""
    return Filling({name: f"[{values.label_of(name)}]" for name in _named(made_of, Kind.TEXT)})


def unknown(made_of: Material, deck: Deck) -> Iterator[Finding]:
    """What a rep said for fields that no slide has: it shows nowhere, and is mostly a slip."""
    there = list(dict.fromkeys(name for slide in made_of.slides for name in slide.fields))
    said = [name for name, each in values.restored(deck.values).items() if each.source == values.SAID]
    for name in dict.fromkeys([*said, *deck.pictures]):
        if not _is_there(name.removeprefix(f"{OWN}."), there):
            near = " or ".join(get_close_matches(name, there))
            words = f"no slide has a field {name:.80}" + (f": is {near:.400} meant?" if near else "")
            yield Finding(Level.WARNING, "unknown_field", name, words)


def _is_there(name: str, there: Collection[str]) -> bool:
    """Whether a value has a field; the logo is for each of them."""
    return name in there or (name == LOGO and any(each.rpartition(".")[2] == LOGO for each in there))


def _named(made_of: Material, kind: Kind) -> set[str]:
    return {each["name"] for slide in made_of.slides for each in slide.slots if each["kind"] == kind}


def _parsed(name: str, said: Any, parse: Callable[[str], T]) -> T:
    try:
        return parse(str(said))
    except Invalid as error:
        raise Invalid(f"{name}: {error.message}", error.remedy, field=name) from None
