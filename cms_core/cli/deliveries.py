"""``cms deliveries``: what became of each recipient."""

import click

from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state
from cms_core.publishing import listing, recipients, resolving, service

PARTS = {
    "unknown": ("address", "since", "known"),
    "reasons": ("state", "count", "reason"),
    "undelivered": ("address", "state", "retry_at", "reason"),
}


@click.group()
def command() -> None:
    """What became of each recipient."""


@command.command()
@click.argument("publication_id", metavar="PUBLICATION")
@json_option
@pass_state
def show(state: State, publication_id: str, as_json: bool) -> None:
    """Counts by state, the unknown ones with what is known of each, and who has not got it and why."""
    with state.reading("calendar.read") as session:
        document = recipients.document(session, service.find(session, publication_id))
    if as_json:
        print_json(document)
        return
    counts = document["counts"]
    print_table([counts], tuple(sorted(counts)) or ("none",))
    for part, columns in PARTS.items():
        if document[part]:
            print_table(document[part], columns)


@command.command()
@click.argument("publication_id", metavar="PUBLICATION")
@click.argument("address", default="")
@click.option("--accepted", is_flag=True, help="It arrived.")
@click.option("--send-again", is_flag=True, help="Send it once more, at the risk that it arrives twice.")
@json_option
@pass_state
def resolve(
    state: State, publication_id: str, address: str, accepted: bool, send_again: bool, as_json: bool
) -> None:
    """Say what became of the unknown ones, or of the one to ADDRESS; refused while the publication is being sent."""
    if accepted == send_again:
        raise click.UsageError("give either --accepted or --send-again")
    with state.writing("publishing.act") as (session, _):
        found = service.find(session, publication_id)
        done = resolving.resolve(session, found, address, accepted=accepted)
        counts = listing.delivery_counts(session, [found.id])
        document = {"id": found.public_id, "state": found.state, "resolved": done, "counts": counts}
    if as_json:
        print_json(document)
    else:
        click.echo(
            f"{done} {'accepted' if accepted else 'to be sent again'}; {document['id']} is {document['state']}"
        )
