"""``cms deliveries``: what became of each recipient."""

import click

from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state
from cms_core.publishing import listing, service


@click.group()
def command() -> None:
    """What became of each recipient."""


@command.command()
@click.argument("publication_id", metavar="PUBLICATION")
@json_option
@pass_state
def show(state: State, publication_id: str, as_json: bool) -> None:
    """Counts by state, and the unknown ones with what is known of each."""
    with state.reading() as session:
        found = service.find(session, publication_id)
        counts = listing.delivery_counts(session, [found.id])
        unknown = listing.unknown_deliveries(session, found)
    if as_json:
        print_json({"counts": counts, "unknown": unknown})
        return
    print_table([counts], tuple(sorted(counts)) or ("none",))
    if unknown:
        print_table(unknown, ("address", "since", "known"))
