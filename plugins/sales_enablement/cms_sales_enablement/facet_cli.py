"""``cms sales templates facets``: what single slides are about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cms_core import Invalid, State, json_option, pass_state, print_json, print_table
from cms_sales_enablement import PLUGIN, presentations, slide_facets
from cms_sales_enablement import facet_documents as documents

NONE = "none"
T = TypeVar("T", bound=Callable[..., Any])


def _option(name: str, *, multiple: bool = True) -> Callable[[T], T]:
    words = f"What they are about by {name}; none takes it away." + (" Again for each." if multiple else "")
    return click.option(f"--{name}", multiple=True, metavar=name.upper(), help=words)


@click.command("facets")
@click.argument("template", metavar="TEMPLATE")
@click.argument("slides", metavar="[SLIDE]...", nargs=-1)
@_option("stage")
@_option("industry")
@_option("persona")
@_option("product")
@_option("locale", multiple=False)
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.csv",
    help="Many at once: columns slide, stage, industry, persona, product, locale; | between several values.",
)
@json_option
@pass_state
def facets(
    state: State, /, template: str, slides: tuple[str, ...], path: Path | None, as_json: bool, **said: Any
) -> None:
    """Say what slides are about, so that they are found; what is not said stays, also with a new version of the file."""
    svc = state.services(PLUGIN)
    kept = presentations.find(svc, template)
    given = {name: _values(values) for name, values in slide_facets.from_doors(said).items() if values}
    if path is None and not (slides and given):
        raise Invalid("nothing is said", "name slides and what they are about, or --file", field="slides")
    if path is not None and (slides or given):
        raise Invalid("a file says it all", "leave out slides and options, or the file", field="file")
    told = slide_facets.from_csv(path.read_bytes(), path.name) if path else dict.fromkeys(slides, given)
    slide_facets.say(svc, kept, told)
    rows = documents.facets(kept, slide_facets.of(svc, kept.asset.id))
    if as_json:
        print_json(rows)
    else:
        flat = [{name: _shown(value) for name, value in row.items()} for row in rows]
        print_table(flat, ("slide", *slide_facets.NAMES))


def _values(given: tuple[str, ...]) -> tuple[str, ...]:
    return () if given == (NONE,) else given


def _shown(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value
