"""``cms sales templates variant`` and ``current``: slides that are translations of others."""

import click

from cms_core import Invalid, State, json_option, pass_state, print_json, print_table
from cms_sales_enablement import PLUGIN, presentations, translating, variants
from cms_sales_enablement import facet_documents as documents


@click.command("variant")
@click.argument("template", metavar="TEMPLATE")
@click.argument("slide", metavar="SLIDE")
@click.option(
    "--of", "original", metavar="SLIDE", help="The slide that it translates; none: it translates none."
)
@click.option("--locale", default="", metavar="LOCALE", help="Its language: de, or de-AT.")
@json_option
@pass_state
def variant(
    state: State, template: str, slide: str, original: str | None, locale: str, as_json: bool
) -> None:
    """Say that a slide is the translation of another one, and current: decks in its language take it for that one."""
    svc = state.services(PLUGIN)
    kept = presentations.find(svc, template)
    if original is None:
        raise Invalid(
            "nothing is said", "name the slide that it translates with --of, or --of none", field="of"
        )
    if original == "none":
        translating.unset_variant(svc, kept, slide)
    else:
        translating.set_variant(svc, kept, slide, original, locale)
    _tell(variants.of_presentation(svc, kept), as_json)


@click.command("current")
@click.argument("template", metavar="TEMPLATE")
@click.argument("slides", metavar="[SLIDE]...", nargs=-1)
@json_option
@pass_state
def current(state: State, template: str, slides: tuple[str, ...], as_json: bool) -> None:
    """Say that translations (none: all that are behind) say what their originals do now."""
    svc = state.services(PLUGIN)
    kept = presentations.find(svc, template)
    translating.set_current(svc, kept, slides)
    _tell(variants.of_presentation(svc, kept), as_json)


def _tell(known: variants.Variants, as_json: bool) -> None:
    rows = documents.variants(known)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("slide", "translation_of", "locale", "behind"))
