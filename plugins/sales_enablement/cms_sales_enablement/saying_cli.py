"""``cms sales show``, ``rate`` and ``feedback``: how a piece stands with reps and in campaigns, and what one says of it."""

import click

from cms_core import NotFound, Services, State, json_option, pass_state, print_json, print_table
from cms_sales_enablement import PLUGIN, documents, feedback, ratings
from cms_sales_enablement.presentations import READ

SAID = ("asset", "until", "used", "won", "outdated", "wish", "rating", "ratings")
REACHED = (
    "campaign",
    "starts_on",
    "ends_on",
    "sent",
    "opened_people",
    "clicked_people",
    "visits",
    "conversions",
)


@click.command()
@click.argument("slug")
@json_option
@pass_state
def show(state: State, slug: str, as_json: bool) -> None:
    """What reps say of an approved asset, until when they may use it, and what it reached in campaigns."""
    svc = state.services(PLUGIN)
    svc.require(READ)
    _tell(svc, slug, as_json)


@click.command()
@click.argument("slug")
@click.argument("stars", type=click.IntRange(ratings.LEAST, ratings.MOST))
@json_option
@pass_state
def rate(state: State, slug: str, stars: int, as_json: bool) -> None:
    """Give an approved asset one to five stars, instead of those given before."""
    svc = state.services(PLUGIN)
    ratings.give(svc, slug, stars)
    _tell(svc, slug, as_json)


@click.command("feedback")
@click.argument("slug")
@click.argument("kind", type=click.Choice(list(feedback.KINDS)))
@click.option("--words", default="", help="In a few words.")
@json_option
@pass_state
def say(state: State, slug: str, kind: str, words: str, as_json: bool) -> None:
    """Tell marketing that an approved asset was used, that a deal was won with it, that it is outdated, or what it lacks."""
    svc = state.services(PLUGIN)
    feedback.give(svc, slug, kind, words)
    _tell(svc, slug, as_json)


def _tell(svc: Services, slug: str, as_json: bool) -> None:
    asset = svc.asset(slug)
    if asset is None:
        raise NotFound(
            f"there is no approved content {slug[:120]!r}", "`cms sales search` finds what there is"
        )
    row = documents.standing(svc, asset)
    if as_json:
        print_json(row)
        return
    print_table([row], SAID)
    if row["campaigns"]:
        print_table(row["campaigns"], REACHED)
