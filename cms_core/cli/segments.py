"""``cms segments``: groups of contacts by rule."""

import click

from cms_core.audience import segments
from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state


@click.group()
def command() -> None:
    """Groups of contacts by rule.

    \b
    country = "FR" and stage in ("intent", "evaluation")
    clicked("Launch") > 0 within 30 days and not in segment "Customers"
    """


@command.command()
@click.argument("name")
@click.argument("rule")
@json_option
@pass_state
def create(state: State, name: str, rule: str, as_json: bool) -> None:
    """Make the segment NAME of all contacts that fit RULE."""
    with state.writing("audience.edit") as (session, _):
        segment = segments.create(session, name, rule)
        document = {
            "id": segment.public_id,
            "name": segment.name,
            "rule": segment.rule,
            "count": segments.count_members(session, segment),
        }
    if as_json:
        print_json(document)
    else:
        click.echo(f"Segment {document['name']!r}: {document['count']} contacts now")


@command.command()
@click.argument("name_or_rule")
@json_option
@pass_state
def count(state: State, name_or_rule: str, as_json: bool) -> None:
    """Count the contacts of a segment, or those that fit a rule; a name goes before a rule."""
    with state.reading("audience.read") as session:
        found = segments.count(session, name_or_rule)
    if as_json:
        print_json({"count": found})
    else:
        click.echo(found)


@command.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """List all segments."""
    with state.reading("audience.read") as session:
        rows = [segments.document(each) for each in segments.list_all(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "kind", "rule"))
