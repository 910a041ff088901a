"""``cms sales templates``: the presentations that marketing keeps."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import click

from cms_core import Invalid, Services, State, json_option, pass_state, print_json, print_table
from cms_sales_enablement import PLUGIN, index, presentations, rules, slide_sources
from cms_sales_enablement import deck_documents as documents
from cms_sales_enablement.facet_cli import facets
from cms_sales_enablement.facet_documents import said_of_slides
from cms_sales_enablement.variant_cli import current, variant

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def templates() -> None:
    """Presentations that decks are made of."""


@templates.command("add")
@click.argument("path", metavar="FILE.pptx", type=FILE)
@click.option("--title", default="", help="Its title (default: the name of the file).")
@click.option(
    "--replace", "replaces", default="", metavar="SLUG", help="Make it the next version of this one."
)
@click.option("--pdf", type=FILE, help="The same as PDF: what its slides look like where no LibreOffice is.")
@json_option
@pass_state
def add(state: State, path: Path, title: str, replaces: str, pdf: Path | None, as_json: bool) -> None:
    """Take a PowerPoint file in: each slide gets an id, fields are found, and what is odd about the file is told."""
    told = (title, replaces, pdf.read_bytes() if pdf else b"")
    _add(state.services(PLUGIN), path.read_bytes(), path.name, told, as_json)


def _add(svc: Services, data: bytes, filename: str, told: tuple[str, str, bytes], as_json: bool) -> None:
    index.catch_up(svc)
    row = documents.added(presentations.add(svc, data, filename, *told))
    if as_json:
        print_json(row)
        return
    print_slides(row["slides"])
    if row["findings"]:
        print_table(row["findings"], ("level", "code", "where", "message"))
    click.echo(f"{row['slug']}: revision {row['revision']}, {row['state'].replace('_', ' ')}.")
    if row["behind"]:
        click.echo(f"{len(row['behind'])} decks show slides that look different now:")
        print_table(row["behind"], ("id", "name", "user"))


@templates.command("sources")
@click.argument("name", metavar="[PLACE]", default="")
@json_option
@pass_state
def sources(state: State, name: str, as_json: bool) -> None:
    """The places that presentations can be taken in from, or what one of them holds."""
    svc = state.services(PLUGIN)
    svc.require(rules.CHANGE)
    rows = documents.in_source(slide_sources.listed(svc, name)) if name else documents.sources(svc)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("key", "title") if name else ("name", "label"))


@templates.command("fetch")
@click.argument("place", metavar="PLACE")
@click.argument("key", metavar="KEY")
@click.option("--title", default="", help="Its title (default: the name of the file).")
@click.option(
    "--replace", "replaces", default="", metavar="SLUG", help="Make it the next version of this one."
)
@json_option
@pass_state
def fetch(state: State, place: str, key: str, title: str, replaces: str, as_json: bool) -> None:
    """Take a presentation in from a place that a plugin brings; the rest is as with ``add``."""
    svc = state.services(PLUGIN)
    svc.require(rules.CHANGE)
    filename, data = slide_sources.fetch(svc, place, key)
    _add(svc, data, filename, (title, replaces, b""), as_json)


@templates.command("pdf")
@click.argument("template", metavar="TEMPLATE")
@click.argument("path", metavar="FILE.pdf", type=FILE)
@json_option
@pass_state
def bring(state: State, template: str, path: Path, as_json: bool) -> None:
    """Bring a PDF for an approved presentation, page by page the same: its next revision."""
    row = documents.brought(presentations.bring(state.services(PLUGIN), template, path.read_bytes()))
    if as_json:
        print_json(row)
    else:
        click.echo(f"{row['slug']}: revision {row['revision']}, {row['state'].replace('_', ' ')}.")


@templates.command("list")
@json_option
@pass_state
def list_templates(state: State, as_json: bool) -> None:
    """The approved presentations."""
    svc = state.services(PLUGIN)
    svc.require(presentations.READ)
    index.catch_up(svc)
    rows = [documents.in_list(each) for each in presentations.listed(svc)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("slug", "title", "revision", "slide_count", "updated_at"))


@templates.command("show")
@click.argument("template", metavar="TEMPLATE")
@json_option
@pass_state
def show_template(state: State, template: str, as_json: bool) -> None:
    """The slides of a presentation with their ids and fields, and what is odd about its file."""
    svc = state.services(PLUGIN)
    svc.require(presentations.READ)
    kept = presentations.find(svc, template)
    row = documents.template(kept, rules.of(svc, kept.asset.id)) | said_of_slides(svc, kept)
    if as_json:
        print_json(row)
    else:
        print_slides(row["slides"])
        print_table(row["findings"], ("level", "code", "where", "message"))


@templates.command("rule")
@click.argument("template", metavar="TEMPLATE")
@click.argument("slide", metavar="SLIDE")
@click.option("--required/--optional", default=None, help="It must be in each deck.")
@click.option("--locked/--movable", default=None, help="Required, and in order among the other locked ones.")
@click.option("--forbidden/--allowed", default=None, help="It may be in no deck.")
@click.option("--pin", "pinned", type=click.Choice(["first", "last", "none"]), help="Where it stands.")
@click.option("--until", metavar="DAY", help="The last day of its use (2026-12-31), or none.")
@json_option
@pass_state
def rule(state: State, /, template: str, slide: str, until: str | None, as_json: bool, **said: Any) -> None:
    """Say how decks may use a slide; what is not said stays, also with a new version of the file."""
    svc = state.services(PLUGIN)
    given = {name: value for name, value in said.items() if value is not None}
    if given.get("pinned") == "none":
        given["pinned"] = ""
    if until is not None:
        given["until"] = None if until == "none" else _day(until)
    found = documents.rule(rules.set_rule(svc, presentations.find(svc, template), slide, given))
    if as_json:
        print_json(found)
    else:
        print_table([found], ("slide", "required", "locked", "forbidden", "pinned", "until"))


@templates.command("limits")
@click.argument("template", metavar="TEMPLATE")
@click.option("--least", type=click.IntRange(1, 2000), help="How few slides a deck has (left out: any).")
@click.option("--most", type=click.IntRange(1, 2000), help="How many at most (left out: any).")
@json_option
@pass_state
def limits(state: State, template: str, least: int | None, most: int | None, as_json: bool) -> None:
    """Say how few and how many slides a deck of a presentation has."""
    svc = state.services(PLUGIN)
    kept = presentations.find(svc, template)
    rules.set_limits(svc, kept, least, most)
    if as_json:
        print_json({"id": kept.asset.id, "least": least, "most": most})
    else:
        click.echo(f"{kept.asset.slug}: {least or 'any'} to {most or 'any'} slides a deck.")


for each in (facets, variant, current):
    templates.add_command(each)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text[:40]!r} is not a day", "write 2026-12-31, or none", field="until") from None


def print_slides(slides: Iterable[dict[str, Any]], *more: str) -> None:
    """A table of slides."""
    rows = [{**each, "fields": ", ".join(each["fields"])} for each in slides]
    print_table(rows, ("id", "number", "title", "fields", *more))
