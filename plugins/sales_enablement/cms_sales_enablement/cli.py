"""``cms sales``: search the library, share from it, and see who looked."""

from dataclasses import asdict
from typing import Any

import click

from cms_core import State, json_option, pass_state, print_json, print_table
from cms_sales_enablement import PLUGIN, documents, recommending
from cms_sales_enablement import search as library
from cms_sales_enablement import shares as links
from cms_sales_enablement.block_cli import blocks, slides
from cms_sales_enablement.deck_cli import decks
from cms_sales_enablement.link_options import link_options
from cms_sales_enablement.room_cli import rooms
from cms_sales_enablement.saying_cli import rate, say
from cms_sales_enablement.saying_cli import show as show_piece
from cms_sales_enablement.template_cli import templates
from cms_sales_enablement.training_cli import training
from cms_sales_enablement.usage_cli import usage


@click.group()
def command() -> None:
    """The reps' library and their links."""


@command.command()
@click.argument("words", default="")
@click.option("--kind", default="", help="Only of this kind.")
@click.option("--stage", "funnel_stage", default="", help="Only of this funnel stage.")
@click.option("--industry", default="", help="Only for this industry.")
@click.option("--persona", default="", help="Only for this persona.")
@click.option("--product", default="", help="Only about this product.")
@click.option("--tag", default="", help="Only with this tag.")
@click.option("--locale", default="", help="Only in this language.")
@click.option("--limit", default=50, type=click.IntRange(1, 1000), help="How many at most.")
@json_option
@pass_state
def search(state: State, /, words: str, limit: int, as_json: bool, **facets: str) -> None:
    """Approved content with all of these words, the best fit first: title before summary before text.

    Of presentations the slides are named that hold the most of the words and fit the facets.
    """
    svc = state.services(PLUGIN)
    svc.require("sales.read")
    found = library.search(svc, library.Wanted(words, **facets), limit)
    rows = [documents.hit(each) for each in found.hits]
    if as_json:
        print_json(rows)
    else:
        told = [{**row, "slides": ", ".join(each["id"] for each in row["slides"])} for row in rows]
        print_table(told, ("slug", "kind", "title", "funnel_stage", "persona", "rating", "slides"))


@command.command()
@click.option("--for", "subject", default="", metavar="COMPANY|DEAL", help="Take stage and industry from it.")
@click.option("--stage", default="", help="The stage of the deal.")
@click.option("--industry", default="", help="The industry of the company.")
@click.option("--persona", default="", help="Whom you talk to.")
@click.option("--limit", default=10, type=click.IntRange(1, 100), help="How many at most.")
@json_option
@pass_state
def recommend(
    state: State, subject: str, stage: str, industry: str, persona: str, limit: int, as_json: bool
) -> None:
    """What helps at this point of a deal, the best first, each with its reasons and their points."""
    svc = state.services(PLUGIN)
    svc.require("sales.read")
    situation = recommending.situation_of(svc, subject, recommending.Situation(stage, industry, persona))
    rows = [documents.recommendation(each) for each in recommending.recommend(svc, situation, limit)]
    if as_json:
        print_json(rows)
        return
    print_table(
        [{**row, "why": "; ".join(each["reason"] for each in row["reasons"])} for row in rows],
        ("slug", "title", "score", "why"),
    )


@command.command()
@click.argument("slug")
@link_options
@json_option
@pass_state
def share(state: State, /, slug: str, as_json: bool, **asked: Any) -> None:
    """Make a tracked link to an approved asset; the link is told once."""
    _tell(links.create_from(state.services(PLUGIN), slug, asked), as_json)


@command.group()
def shares() -> None:
    """Links that were made."""


@shares.command("add")
@click.argument("named", metavar="DECK|SLUG")
@link_options
@json_option
@pass_state
def add(state: State, /, named: str, as_json: bool, **asked: Any) -> None:
    """Make a tracked link to a deck, or to an approved asset; the link is told once."""
    _tell(links.create_from(state.services(PLUGIN), named, asked), as_json)


def _tell(made: links.Made, as_json: bool) -> None:
    if as_json:
        print_json(asdict(made))
    else:
        click.echo(made.url)


@shares.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """One's own links; of everybody, for those who may see them."""
    svc = state.services(PLUGIN)
    rows = documents.links(svc, links.listed(svc))
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "asset", "contact", "gate", "state", "view_count", "last_viewed_at"))


@shares.command()
@click.argument("public_id", metavar="ID")
@json_option
@pass_state
def show(state: State, public_id: str, as_json: bool) -> None:
    """One link and every look at it; "counted" are those of people who had it in sight for a second."""
    svc = state.services(PLUGIN)
    row = documents.link_with_views(svc, links.find(svc, public_id))
    if as_json:
        print_json(row)
    else:
        print_table([row], ("id", "asset", "contact", "state", "expires_at", "max_views"))
        print_table([row], ("gate", "allow", "deny", "password", "download", "watermark"))
        print_table(
            row["views"], ("at", "visitor", "verified", "agent_class", "counted", "seconds", "downloaded")
        )
        slides = [{"at": look["at"], **each} for look in row["views"] for each in look["slides"]]
        if slides:
            print_table(slides, ("at", "title", "seconds"))


@shares.command()
@click.argument("public_id", metavar="ID")
@json_option
@pass_state
def revoke(state: State, public_id: str, as_json: bool) -> None:
    """Let a link show nothing from now on."""
    svc = state.services(PLUGIN)
    (row,) = documents.links(svc, [links.revoke(svc, public_id)])
    if as_json:
        print_json({"id": row["id"], "state": row["state"]})
    else:
        click.echo(f"Link {row['id']} shows nothing any more.")


decks.add_command(blocks)
decks.add_command(slides)
for each in (show_piece, rate, say):
    command.add_command(each)
command.add_command(templates)
command.add_command(decks)
command.add_command(training)
command.add_command(usage)
command.add_command(rooms)
