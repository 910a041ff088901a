"""``cms sales usage``: what content does in sales."""

import click

from cms_core import State, json_option, pass_state, print_json, print_table
from cms_sales_enablement import PLUGIN, presentations
from cms_sales_enablement import usage as work
from cms_sales_enablement import usage_documents as documents


@click.group()
def usage() -> None:
    """What content does in sales."""


@usage.command()
@click.option("--stale", is_flag=True, help="Only what is used and stale.")
@json_option
@pass_state
def content(state: State, stale: bool, as_json: bool) -> None:
    """By asset: links, decks, looks that count, and how the deals ended in which it was used."""
    svc = state.services(PLUGIN)
    found = work.of_assets(svc)
    rows = [documents.asset(each) for each in (work.hot_but_stale(found, svc.now()) if stale else found)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("slug", "shares", "decks", "looks", "seconds", "won", "lost", "stale"))


@usage.command()
@click.argument("template", metavar="TEMPLATE")
@json_option
@pass_state
def slides(state: State, template: str, as_json: bool) -> None:
    """By slide of a presentation: decks, looks, and the seconds that it was in sight."""
    svc = state.services(PLUGIN)
    rows = [documents.slide(each) for each in work.of_slides(svc, presentations.find(svc, template))]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("slide", "number", "title", "decks", "looks", "seconds"))


@usage.command()
@json_option
@pass_state
def reps(state: State, as_json: bool) -> None:
    """By person: links, decks, and looks that count."""
    rows = [documents.rep(each) for each in work.of_reps(state.services(PLUGIN))]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "shares", "decks", "looks"))
