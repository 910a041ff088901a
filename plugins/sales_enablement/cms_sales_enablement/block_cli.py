"""``cms sales decks blocks`` and ``slides``: what reps put into a deck beside the slides of its presentation."""

from pathlib import Path
from typing import Any

import click

from cms_core import State, json_option, pass_state, print_json, print_table
from cms_sales_enablement import PLUGIN, images, own_slides
from cms_sales_enablement import block_documents as documents
from cms_sales_enablement import blocks as known
from cms_sales_enablement import decks as made
from cms_sales_enablement.deck_cli import pairs
from cms_sales_enablement.template_cli import FILE

AFTER = click.option(
    "--after", default="", metavar="ID", help="Behind this slide of the deck (default: last)."
)


@click.group()
def blocks() -> None:
    """Slides of one's own, told and not drawn, in the looks of the presentation."""


@blocks.command("kinds")
@json_option
@pass_state
def kinds(state: State, as_json: bool) -> None:
    """What can be told, and the fields of each."""
    rows = documents.kinds(known.kinds(state.services(PLUGIN)).values())
    if as_json:
        print_json(rows)
    else:
        print_table(
            [{**row, "fields": ", ".join(row["fields"])} for row in rows], ("type", "label", "fields")
        )


@blocks.command("add")
@click.argument("deck", metavar="DECK")
@click.argument("kind", metavar="TYPE")
@click.option(
    "--set", "said", multiple=True, metavar="FIELD=VALUE", help="What is told; again for each field."
)
@click.option("--picture", type=FILE, help="A PNG or JPEG to be shown.")
@AFTER
@json_option
@pass_state
def add(state: State, /, deck: str, kind: str, after: str, as_json: bool, **told: Any) -> None:
    """Put a slide into a deck. Lines of a text are parted by \\n."""
    svc = state.services(PLUGIN)
    _, ref = own_slides.add_block(svc, deck, kind, _told(svc, **told), after)
    if as_json:
        print_json({"id": ref, "deck": deck})
    else:
        click.echo(f"{ref} is in the deck.")


@blocks.command("change")
@click.argument("deck", metavar="DECK")
@click.argument("block", metavar="ID")
@click.option("--set", "said", multiple=True, metavar="FIELD=VALUE", help="What is told; the rest stays.")
@click.option("--picture", type=FILE, help="Another PNG or JPEG.")
@json_option
@pass_state
def change(state: State, /, deck: str, block: str, as_json: bool, **told: Any) -> None:
    """Tell a slide anew."""
    svc = state.services(PLUGIN)
    own_slides.change_block(svc, deck, block, _told(svc, **told))
    if as_json:
        print_json({"id": block, "deck": deck})
    else:
        click.echo(f"{block} is told anew.")


@click.command("slides")
@click.argument("deck", metavar="DECK")
@click.option(
    "--from", "source", required=True, metavar="TEMPLATE", help="Another presentation of the same brand."
)
@click.option(
    "--pick", "picks", default="", metavar="IDS", help="Its slides to be put in, with commas between."
)
@AFTER
@json_option
@pass_state
def slides(state: State, /, deck: str, source: str, picks: str, after: str, as_json: bool) -> None:
    """The slides of another presentation that fit into a deck; with --pick, put some in."""
    svc = state.services(PLUGIN)
    wanted = [f"{source}:{each.strip()}" for each in picks.split(",") if each.strip()]
    if wanted:
        found = own_slides.add_slides(svc, deck, wanted, after)
        row: Any = {"deck": deck, "slide_count": len(found.slides)}
    else:
        row = documents.offer(own_slides.offer(svc, made.find(svc, deck), source))
    if as_json:
        print_json(row)
    elif wanted:
        click.echo(f"The deck has {row['slide_count']} slides.")
    else:
        print_table(row["slides"], ("id", "number", "title"))
        if row["unfit"]:
            click.echo(f"{row['unfit']} more stand on layouts that the deck's presentation does not have.")


def _told(svc: Any, said: tuple[str, ...], picture: Path | None) -> dict[str, str]:
    told = {name: value.replace("\\n", "\n") for name, value in pairs(said)}
    return told | ({"picture": images.keep(svc, "picture", picture.read_bytes())} if picture else {})
