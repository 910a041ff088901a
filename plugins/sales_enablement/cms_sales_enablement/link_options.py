"""What can be said of a new link on the command line."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from cms_sales_enablement.schemas import GATES, MOST_VIEWS

LINK_OPTIONS = (
    click.option(
        "--for", "contact", default="", metavar="EMAIL", help="Whom it is for; made a contact if new."
    ),
    click.option(
        "--expires",
        default="",
        metavar="WHEN",
        help="2026-05-04 (through that day, UTC), 14d, or an instant.",
    ),
    click.option("--password", help="Ask for it before anything is shown."),
    click.option(
        "--gate",
        type=click.Choice(GATES),
        metavar="email|verified",
        help="Ask for the reader's address first: email as they say it, verified by a code in their mail. "
        "Default: what the settings ask for at least.",
    ),
    click.option(
        "--allow",
        multiple=True,
        metavar="WHO",
        help="Only this address or domain (@acme.com) may open it; again for each. Needs a gate.",
    ),
    click.option(
        "--deny", multiple=True, metavar="WHO", help="This one may not, whatever is allowed; again for each."
    ),
    click.option(
        "--max-views", type=click.IntRange(1, MOST_VIEWS), help="It ends after so many looks that counted."
    ),
)
PIECE_OPTIONS = (
    click.option("--download/--no-download", help="Give the file of the deck, too."),
    click.option(
        "--watermark", is_flag=True, help="Draw the reader's address into the pictures of the slides."
    ),
)


def link_options(command: Callable[..., None]) -> Callable[..., None]:
    """What can be said of a new link; the names are those of ``shares.create_from``."""
    return room_link_options(_with(PIECE_OPTIONS, command))


def room_link_options(command: Callable[..., None]) -> Callable[..., None]:
    """What can be said of a new link to a room: the rest is said of its pieces."""
    return _with(LINK_OPTIONS, command)


def _with(options: Sequence[Callable[..., Any]], command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(options):
        command = option(command)
    return command
