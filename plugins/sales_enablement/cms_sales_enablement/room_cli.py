"""``cms sales rooms``: what a rep and a buyer share of a deal."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import click

from cms_core import Invalid, Services, State, json_option, pass_state, print_json, print_table
from cms_sales_enablement import PLUGIN, room_questions, room_steps
from cms_sales_enablement import room_documents as documents
from cms_sales_enablement import rooms as kept
from cms_sales_enablement.link_options import room_link_options
from cms_sales_enablement.terms import Terms

ROOM = click.argument("room", metavar="ROOM")
DAY = click.DateTime(["%Y-%m-%d"])
Asked = Mapping[str, Any]


@click.group()
def rooms() -> None:
    """Rooms: pieces in an order behind one link, what is to be done next, questions and answers."""


@rooms.command("add")
@click.argument("name")
@click.option(
    "--for",
    "subject",
    required=True,
    metavar="COMPANY|DEAL",
    help="Whom it is for; a new name is a new company.",
)
@click.option("--welcome", default="", metavar="WORDS", help="What stands above its pieces.")
@click.option(
    "--item", "pieces", multiple=True, metavar="DECK|SLUG", help="What is in it, in order; again for each."
)
@json_option
@pass_state
def add(state: State, name: str, subject: str, welcome: str, pieces: tuple[str, ...], as_json: bool) -> None:
    """Make a room for a company or a deal."""
    svc = state.services(PLUGIN)
    found = kept.make(svc, kept.Wanted(name, subject, welcome, pieces))
    if as_json:
        print_json(documents.whole(svc, found))
    else:
        click.echo(f"Room {found.public_id} is made; `cms sales rooms share` makes a link to it.")


@rooms.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """One's own rooms, the newest first; of everybody, for those who may see them."""
    svc = state.services(PLUGIN)
    rows = documents.listed(svc, kept.listed(svc))
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "name", "for", "state", "steps_left", "questions_open", "view_count")
        print_table(rows, columns)


@rooms.command("show")
@ROOM
@json_option
@pass_state
def show(state: State, room: str, as_json: bool) -> None:
    """A room with all that is in it, the links to it, and who looked at what."""
    svc = state.services(PLUGIN)
    row = documents.whole(svc, kept.find(svc, room))
    if as_json:
        print_json(row)
        return
    print_table([row], ("id", "name", "for", "state", "created_by"))
    _print_items(row["items"])
    _print_steps(row["steps"])
    _print_questions(row["questions"])
    print_table(row["links"], ("id", "contact", "gate", "state", "view_count"))
    print_table(row["looks"], ("at", "visitor", "verified", "agent_class", "title", "counted", "seconds"))


@rooms.command("change")
@ROOM
@click.option("--name", help="Another name.")
@click.option("--welcome", metavar="WORDS", help="Other words above its pieces.")
@json_option
@pass_state
def change(state: State, room: str, name: str | None, welcome: str | None, as_json: bool) -> None:
    """Give a room another name, or other words of welcome; what is not said stays."""
    svc = state.services(PLUGIN)
    row = documents.whole(svc, kept.change(svc, room, name, welcome))
    if as_json:
        print_json(row)
    else:
        print_table([row], ("id", "name", "welcome"))


@rooms.command("share")
@ROOM
@room_link_options
@json_option
@pass_state
def share(state: State, /, room: str, as_json: bool, **asked: Any) -> None:
    """Make a link to a room; the link is told once."""
    made = kept.share(state.services(PLUGIN), room, asked)
    if as_json:
        print_json(asdict(made))
    else:
        click.echo(made.url)


@rooms.command("items")
@ROOM
@click.option("--add", multiple=True, metavar="DECK|SLUG", help="Put it at the end; again for each.")
@click.option("--remove", multiple=True, metavar="ITEM", help="Take it out; again for each.")
@click.option("--order", default="", metavar="ITEMS", help="All that stay, in order, with commas between.")
@click.option("--download", is_flag=True, help="The new decks may be downloaded.")
@click.option("--watermark", is_flag=True, help="Draw the reader's address into the new decks.")
@json_option
@pass_state
def items(
    state: State,
    room: str,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    order: str,
    download: bool,
    watermark: bool,
    as_json: bool,
) -> None:
    """The pieces of a room; with options they change first: all of it or nothing."""
    svc = state.services(PLUGIN)
    found = kept.find(svc, room)
    if add or remove or order:
        ordered = [each.strip() for each in order.split(",") if each.strip()]
        given = Terms(download=download, watermark=watermark)
        found = kept.change_items(svc, room, add=add, remove=remove, order=ordered, given=given)
    rows = documents.items(svc, found)
    if as_json:
        print_json(rows)
    else:
        _print_items(rows)


@rooms.command("steps")
@ROOM
@click.option("--add", "what", metavar="WORDS", help="Put something on the list.")
@click.option("--change", "step", metavar="STEP", help="Change this one: --words, --who, --due.")
@click.option("--words", metavar="WORDS", help="What is to be done, of --change.")
@click.option("--who", type=click.Choice(room_steps.SIDES), help="Who does it (default: us).")
@click.option("--due", type=DAY, metavar="DAY", help="The last day for it (2026-12-31).")
@click.option("--done", metavar="STEP", help="It is done.")
@click.option("--undone", metavar="STEP", help="It is not done after all.")
@click.option("--remove", metavar="STEP", help="Take it off the list.")
@json_option
@pass_state
def steps(state: State, /, room: str, as_json: bool, **asked: Any) -> None:
    """What is to be done next in a deal, by us or by them; with an option it changes first, by one at a time."""
    svc = state.services(PLUGIN)
    found = kept.find(svc, room)
    doings = [name for name in ("what", "step", "done", "undone", "remove") if asked[name] is not None]
    if len(doings) > 1:
        raise Invalid("one change at a time", "give one of --add, --change, --done, --undone and --remove")
    if doings:
        _DO[doings[0]](svc, room, asked)
    rows = documents.steps(svc, found)
    if as_json:
        print_json(rows)
    else:
        _print_steps(rows)


@rooms.command("questions")
@ROOM
@click.option("--remove", metavar="QUESTION", help="Take it out of the room, with its answer.")
@json_option
@pass_state
def questions(state: State, room: str, remove: str | None, as_json: bool) -> None:
    """What people outside asked, and the answers."""
    svc = state.services(PLUGIN)
    found = kept.find(svc, room)
    if remove:
        room_questions.remove(svc, room, remove)
    rows = documents.questions(svc, found)
    if as_json:
        print_json(rows)
    else:
        _print_questions(rows)


@rooms.command("answer")
@ROOM
@click.argument("question", metavar="QUESTION")
@click.argument("words", metavar="WORDS")
@json_option
@pass_state
def answer(state: State, room: str, question: str, words: str, as_json: bool) -> None:
    """Answer a question, or answer it anew; whoever can open the room reads it."""
    found = room_questions.answer(state.services(PLUGIN), room, question, words)
    if as_json:
        print_json(documents.question(found))
    else:
        click.echo("The answer stands in the room.")


@rooms.command("close")
@ROOM
@json_option
@pass_state
def close(state: State, room: str, as_json: bool) -> None:
    """Let no link to a room show anything from now on."""
    found = kept.close(state.services(PLUGIN), room)
    if as_json:
        print_json({"id": found.public_id, "state": "closed"})
    else:
        click.echo(f"Room {found.public_id} is closed: its links show nothing any more.")


@rooms.command("reopen")
@ROOM
@json_option
@pass_state
def reopen(state: State, room: str, as_json: bool) -> None:
    """Let the links that have not ended show a room again."""
    found = kept.reopen(state.services(PLUGIN), room)
    if as_json:
        print_json({"id": found.public_id, "state": "open"})
    else:
        click.echo(f"Room {found.public_id} is open: its links show it again.")


def _add_step(svc: Services, room: str, asked: Asked) -> None:
    room_steps.add(svc, room, asked["what"], asked["who"] or room_steps.US, _day(asked["due"]))


def _change_step(svc: Services, room: str, asked: Asked) -> None:
    said = {"what": asked["words"], "who": asked["who"], "due": _day(asked["due"])}
    given = {name: each for name, each in said.items() if each is not None}
    room_steps.change(svc, room, asked["step"], given)


def _finish(svc: Services, room: str, asked: Asked) -> None:
    room_steps.change(svc, room, asked["done"], {"done": True})


def _reopen(svc: Services, room: str, asked: Asked) -> None:
    room_steps.change(svc, room, asked["undone"], {"done": False})


def _remove_step(svc: Services, room: str, asked: Asked) -> None:
    room_steps.remove(svc, room, asked["remove"])


_DO = {
    "what": _add_step,
    "step": _change_step,
    "done": _finish,
    "undone": _reopen,
    "remove": _remove_step,
}


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None


def _print_items(rows: list[dict[str, Any]]) -> None:
    print_table(rows, ("id", "title", "asset", "download", "watermark", "view_count", "seconds"))


def _print_steps(rows: list[dict[str, Any]]) -> None:
    print_table(rows, ("id", "what", "who", "due", "done", "done_by"))


def _print_questions(rows: list[dict[str, Any]]) -> None:
    print_table(rows, ("id", "question", "asked_by", "verified", "answer"))
