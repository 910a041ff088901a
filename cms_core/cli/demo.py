"""``cms demo``: a filled workspace, a campaign that goes out, and its report."""

import contextlib
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cms_core.cli.output import json_line, print_table, progress

if TYPE_CHECKING:
    from socket import socket

    from cms_core.demo.home import Home
    from cms_core.demo.readers import Crowd
    from cms_core.demo.story import Ending
    from cms_core.workspace import Workspace

SUMMED = ("addressed", "sent", "failed", "unknown", "skipped")
COLUMNS = ("campaign", *SUMMED, "bounced", "opened_people", "clicked_people", "visits", "conversions", "cost")


@click.command()
@click.option("--once", is_flag=True, help="Play it to its end, print the report, and leave.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Port to serve on; when it is taken, the next free one.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Make the workspace in this empty folder and leave it there.",
)
def command(once: bool, port: int, keep: Path | None) -> None:
    """Play a campaign in a workspace of its own, with a mail server and readers on this machine.

    Nothing leaves this machine, no other workspace is touched, and the workspace is removed at the end (Ctrl-C).
    """
    from cms_core.demo import story
    from cms_core.demo.home import make_home
    from cms_core.demo.mailbox import LOOPBACK, open_mailbox
    from cms_core.demo.networks import open_networks
    from cms_core.demo.server import listen

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with listen(port) as listener, open_mailbox() as mailbox, open_networks() as networks:
        url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        with make_home(keep, url, mailbox, networks) as place:
            progress("Ninety days of Larkfield, a company that does not exist:")
            story.tell_past(place, datetime.now(UTC), progress)
            with place.opened() as workspace:
                _today(place, workspace, listener, once=once)
    if keep is not None:
        progress(f"The workspace stays in {keep}; its mail server is gone.")


def _today(place: "Home", workspace: "Workspace", listener: "socket", *, once: bool) -> None:
    from cms_core.app import create_app
    from cms_core.demo import story
    from cms_core.demo.readers import Crowd
    from cms_core.demo.server import serving

    place.mailbox.moody = True
    crowd = Crowd(listener.getsockname()[1], place.mailbox)
    with serving(create_app(workspace=workspace), listener):
        progress("Today's campaign, with a quick clock:")
        ending = story.tell_today(place, workspace, crowd, progress, whole=once)
        story.check_sums(ending)
        if once:
            _print(ending)
        else:
            _stay(workspace, crowd)


def _print(ending: "Ending") -> None:
    """The whole report of today's campaign, all campaigns in a table, and the report as one line of JSON."""
    from cms_core.cli.report import print_report

    print_report(ending.report)
    click.echo()
    rows = [{"campaign": name, **figures.document()} for name, figures in ending.totals.items()]
    print_table(rows, COLUMNS)
    click.echo()
    totals = ending.report.totals.document()
    parts = " + ".join(f"{totals[name]} {name}" for name in SUMMED[1:])
    click.echo(f"{totals['addressed']} addressed = {parts}")
    click.echo(json_line(ending.report.document()))


def _stay(workspace: "Workspace", crowd: "Crowd") -> None:
    """Serve until Ctrl-C, which is how the demo ends."""
    from cms_core.cli.run import working
    from cms_core.demo import launch, story

    for line in story.sign_in_lines(workspace.config.base_url):
        progress(line)
    progress(
        f"The last letter, {launch.LAST}, goes out by itself in two or three minutes. Ctrl-C ends the demo and removes it."
    )
    with contextlib.suppress(KeyboardInterrupt), working(workspace), story.reading(crowd):
        threading.Event().wait()
    progress("The demo has ended.")
