"""``cms sales decks``: what reps make of presentations."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from cms_core import Invalid, State, json_option, pass_state, print_json, print_table
from cms_sales_enablement import PLUGIN, material, printing
from cms_sales_enablement import deck_documents as documents
from cms_sales_enablement import decks as made
from cms_sales_enablement.template_cli import FILE, print_slides


@click.group()
def decks() -> None:
    """Decks that reps make theirs."""


@decks.command()
@click.argument("path", metavar="FILE.pptx", type=FILE)
@json_option
def check(path: Path, as_json: bool) -> None:
    """Whether a presentation is whole, and safe to hand on: what PowerPoint would repair, programs in it, what it fetches."""
    from cms_sales_enablement.pptx.findings import is_sound
    from cms_sales_enablement.pptx.lint import check_file

    findings = check_file(path)
    rows = documents.findings(findings)
    if as_json:
        print_json({"ok": is_sound(findings), "findings": rows})
    elif rows:
        print_table(rows, ("level", "code", "where", "message"))
    else:
        click.echo(f"{path.name} is in order.")


@decks.command("make")
@click.argument("source", metavar="TEMPLATE|DECK")
@click.option(
    "--pick",
    "picks",
    default="",
    metavar="IDS",
    help="Ids of slides, in order, with commas between; OTHER:ID is one of another presentation.",
)
@click.option(
    "--set", "said", multiple=True, metavar="FIELD=VALUE", help="What stands in a field; again for each."
)
@click.option("--logo", type=FILE, help="A PNG or JPEG for the fields of logos.")
@click.option(
    "--picture",
    "shown",
    multiple=True,
    metavar="FIELD=FILE",
    help="A PNG or JPEG for a field; again for each.",
)
@click.option(
    "--for", "subject", default="", metavar="COMPANY|DEAL|EMAIL", help="Fill fields with what is known of it."
)
@click.option(
    "--locale", default="", help="Its language: de, or de-AT; slides that it has none in stay as they are."
)
@click.option(
    "-o", "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The .pptx or .pdf."
)
@json_option
@pass_state
def make(state: State, /, source: str, out: Path, as_json: bool, **told: Any) -> None:
    """Make a deck and write its file; fields without a value are listed, and show nothing."""
    svc = state.services(PLUGIN)
    printing.require_writable(out)
    wanted = _wanted(**told)
    if out.suffix.lower() == ".pdf":
        made.require_paper(svc, source, wanted)
    found = made.make(svc, source, wanted)
    row = documents.written(found, printing.write_as(svc, found, out))
    if as_json:
        print_json(row)
        return
    if row["missing"]:
        click.echo(f"Without a value: {', '.join(row['missing'])}")
    if row["findings"]:
        print_table(row["findings"], ("level", "code", "where", "message"))
    click.echo(f"{out}: {len(row['slides'])} slides, deck {row['id']}")


@decks.command("list")
@json_option
@pass_state
def list_decks(state: State, as_json: bool) -> None:
    """One's own decks, the newest first; of everybody, for those who may see them."""
    rows = [documents.deck_in_list(each) for each in made.listed(state.services(PLUGIN))]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "name", "slide_count", "created_by", "created_at"))


@decks.command("show")
@click.argument("deck", metavar="DECK")
@json_option
@pass_state
def show_deck(state: State, deck: str, as_json: bool) -> None:
    """A deck's slides and values; "changed" are slides that look different since it was made."""
    svc = state.services(PLUGIN)
    found = made.find(svc, deck)
    row = documents.deck(found, material.of_deck(svc, found))
    if as_json:
        print_json(row)
    else:
        print_slides(row["slides"], "changed")
        print_table(row["values"], ("field", "value", "source"))


def _wanted(
    picks: str, said: tuple[str, ...], logo: Path | None, shown: tuple[str, ...], **asked: Any
) -> made.Wanted:
    ids = tuple(each.strip() for each in picks.split(",") if each.strip())
    return made.Wanted(ids, dict(pairs(said)), _pictures(logo, shown), **asked)


def _pictures(logo: Path | None, shown: Iterable[str]) -> dict[str, bytes | str]:
    found: dict[str, bytes | str] = {"logo": logo.read_bytes()} if logo else {}
    return found | {name: read_file(path, "picture") for name, path in pairs(shown)}


def read_file(path: str, field: str) -> bytes:
    """The bytes of a file that is named in an option; raises Invalid that names the option."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Invalid(
            f"{path[:200]!r} cannot be read: {error.strerror}", "name a file", field=field
        ) from None


def pairs(said: Iterable[str]) -> Iterable[tuple[str, str]]:
    for each in said:
        name, sign, value = each.partition("=")
        if not sign or not name.strip():
            raise Invalid(
                f"{each[:80]!r} is no field with a value", "write --set company.name=Acme", field="set"
            )
        yield name.strip(), value
