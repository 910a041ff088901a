"""``cms content rename``, ``redirects``, ``uses``, ``archive``, ``reindex``: addresses, and what hangs together."""

from dataclasses import replace
from typing import Any

import click

from cms_core.cli.output import print_json, print_table
from cms_core.cli.state import State, json_option, pass_state
from cms_core.content import board, renames, service, usage

USES = {"assets": "asset", "entries": "entry", "publications": "publication"}


@click.command("rename")
@click.argument("slug")
@click.argument("new")
@click.option("--redirect", is_flag=True, help="Let the old address lead to the new one.")
@json_option
@pass_state
def rename(state: State, slug: str, new: str, redirect: bool, as_json: bool) -> None:
    """Give an asset another slug; without --redirect the old address is offered as a redirect, and leads nowhere yet."""
    with state.writing("content.edit") as (session, user):
        asset = service.find(session, slug)
        draft = replace(service.draft_of(session, asset), slug=new)
        service.save(session, state.workspace.plugins, asset, draft, user)
        if redirect and new != slug:
            renames.accept(session, renames.find(session, slug))
        row = {"id": asset.public_id, "slug": asset.slug, "before": slug, "redirects": redirect}
    if as_json:
        print_json(row)
    else:
        after = "leads there" if redirect else "is offered as a redirect, and leads nowhere yet"
        click.echo(
            f"{slug} is {new} now. What is public stays at /{slug} until it is updated; then /{slug} {after}."
        )


@click.command("redirects")
@json_option
@pass_state
def redirects(state: State, as_json: bool) -> None:
    """Former slugs, whether they lead to their asset, and what it is called now."""
    with state.reading("content.read") as session:
        rows = [
            {"slug": row.slug, "asset": row.asset.slug, "redirects": row.redirects, "since": row.created_at}
            for row in renames.all_former_slugs(session)
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("slug", "asset", "redirects", "since"))


@click.command("redirect")
@click.argument("slug")
@click.option("--remove", is_flag=True, help="Decline the offer, or end the redirect.")
@json_option
@pass_state
def redirect(state: State, slug: str, remove: bool, as_json: bool) -> None:
    """Let a former slug lead to its asset, or to nothing."""
    with state.writing("content.edit") as (session, _):
        former = renames.find(session, slug)
        row = {"slug": slug, "asset": former.asset.slug, "redirects": not remove}
        (renames.remove if remove else renames.accept)(session, former)
    if as_json:
        print_json(row)
    else:
        where = "nowhere" if remove else f"to /{row['asset']}"
        click.echo(f"/{slug} leads {where}, once nothing is public there any more.")


@click.command("uses")
@click.argument("slug")
@json_option
@pass_state
def uses(state: State, slug: str, as_json: bool) -> None:
    """Who uses an asset: assets that lead to it, entries, publications."""
    with state.reading("content.read") as session:
        found = board.uses(session, state.workspace.plugins, service.find(session, slug))
    if as_json:
        print_json(found)
        return
    rows: list[dict[str, Any]] = [
        {"what": USES[what], **row} for what, listed in found.items() for row in listed
    ]
    print_table(rows, ("what", "slug", "title", "channel", "state"))


@click.command("archive")
@click.argument("slug")
@click.option("--undo", is_flag=True, help="Bring it back.")
@json_option
@pass_state
def archive(state: State, slug: str, undo: bool, as_json: bool) -> None:
    """Put an asset away that nothing uses; what happened with it stays."""
    with state.writing("content.edit") as (session, user):
        asset = service.find(session, slug)
        (board.bring_back if undo else board.archive)(session, state.workspace.plugins, asset, user)
        row = {"id": asset.public_id, "slug": slug, "archived_at": asset.archived_at}
    if as_json:
        print_json(row)
    else:
        click.echo(f"{slug} is {'back in the library' if undo else 'put away'}.")


@click.command("reindex")
@json_option
@pass_state
def reindex(state: State, as_json: bool) -> None:
    """Make the index of what uses what anew from all revisions."""
    with state.writing("content.edit") as (session, _):
        count = usage.rebuild(session)
    if as_json:
        print_json({"revisions": count})
    else:
        click.echo(f"{count} revisions read.")
