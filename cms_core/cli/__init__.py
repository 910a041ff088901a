"""The ``cms`` command. Groups are loaded when they are used, so ``cms --help`` imports neither the database nor any plugin."""

import errno
import gc
import json
import os
import sys
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import click

from cms_core.errors import CmsError, TryLater

PLUGIN_COMMANDS = "cms_core.commands"
# Python looks through all that is loaded whenever 700 objects were made: a fifth of the time of an import.
OBJECTS_BETWEEN_COLLECTIONS = 50_000

# command → (module with an attribute ``command``, what it does)
COMMANDS = {
    "init": ("cms_core.cli.init", "Make a new workspace with its first admin."),
    "run": ("cms_core.cli.run", "Serve the app and publish, in one process."),
    "web": ("cms_core.cli.web", "Serve the app alone."),
    "worker": ("cms_core.cli.worker", "Publish what is due."),
    "scheduler": ("cms_core.cli.scheduler", "Ring the workers, alone."),
    "status": ("cms_core.cli.status", "What is due, sent, failed and unknown."),
    "doctor": ("cms_core.cli.doctor", "What is wrong here, and what to do about it."),
    "demo": ("cms_core.cli.demo", "Play a campaign in a filled workspace."),
    "db": ("cms_core.cli.database", "Bring the database to the newest version."),
    "export": ("cms_core.cli.export", "Write the whole workspace to a file."),
    "import": ("cms_core.cli.import_", "Fill an empty workspace from such a file."),
    "backup": ("cms_core.cli.backup", "Write a backup, while the workspace goes on."),
    "restore": ("cms_core.cli.restore", "Make a workspace from a backup."),
    "fence": ("cms_core.cli.fence", "Whether this workspace may publish."),
    "users": ("cms_core.cli.users", "People who sign in."),
    "mail": ("cms_core.cli.mail", "Mail of the system itself."),
    "notices": ("cms_core.cli.notices", "What needs somebody."),
    "tokens": ("cms_core.cli.tokens", "Keys to the REST interface."),
    "webhooks": ("cms_core.cli.webhooks", "Addresses that are told of events."),
    "content": ("cms_core.cli.content", "Import, check and approve content."),
    "contacts": ("cms_core.cli.contacts", "Import, list, export and erase contacts."),
    "segments": ("cms_core.cli.segments", "Groups of contacts by rule."),
    "caps": ("cms_core.cli.caps", "How much people get at most."),
    "quiet-hours": ("cms_core.cli.quiet_hours", "When a channel sends nothing."),
    "campaigns": ("cms_core.cli.campaigns", "Campaigns."),
    "connections": ("cms_core.cli.connections", "Connected accounts of channels."),
    "calendar": ("cms_core.cli.calendar", "What stands on the calendar."),
    "publications": ("cms_core.cli.publications", "What goes out, and what became of it."),
    "deliveries": ("cms_core.cli.deliveries", "What became of each recipient."),
    "report": ("cms_core.cli.report", "Figures of a campaign."),
    "events": ("cms_core.cli.events", "The ledger of what happened."),
    "plugins": ("cms_core.cli.plugins", "Plugins, their hooks and problems."),
    "dev": ("cms_core.cli.dev", "Networks on this machine, to try channels with."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports each when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *sorted(point.name for point in entry_points(group=PLUGIN_COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            command: click.Command = import_module(COMMANDS[cmd_name][0]).command
            return command
        for point in entry_points(group=PLUGIN_COMMANDS, name=cmd_name):
            loaded: click.Command = point.load()
            return loaded
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, about) for name, (_, about) in COMMANDS.items()]
        rows += [(point.name, "added by a plugin") for point in entry_points(group=PLUGIN_COMMANDS)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", metavar="DIR", help="The workspace (default: CMS_HOME).")
@click.option("--as", "as_email", metavar="EMAIL", help="Act as this user (default: the first admin).")
@click.version_option(package_name="cms-core", prog_name="cms")
@click.pass_context
def cli(ctx: click.Context, home: str | None, as_email: str | None) -> None:
    """Approved content on one calendar over all channels."""
    from cms_core.cli.state import State

    ctx.obj = State(home, as_email)


def main(arguments: list[str] | None = None) -> None:
    """Run ``cms`` and end the process with the exit code of the outcome."""
    args = sys.argv[1:] if arguments is None else arguments
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        code = cli.main(args=args, prog_name="cms", standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except KeyboardInterrupt:
        code = 130
    except click.ClickException as error:
        error.show()
        if "--json" in args:
            _print_error(error.format_message(), _usage_remedy(error))
        code = error.exit_code
    except CmsError as error:
        code = _explain(error, as_json="--json" in args)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        code = _explain(_for_people(error), as_json="--json" in args)
    sys.exit(code if isinstance(code, int) else 0)


def _for_people(error: Exception) -> CmsError:
    """What nobody expected, in words; CMS_TRACE=1 shows where it happened."""
    if os.environ.get("CMS_TRACE"):
        raise error
    if known := _of_two_at_once(error):
        return known
    if type(error).__name__ == "OperationalError":
        reason = getattr(error, "orig", error)
        of_server = type(reason).__module__.startswith("psycopg")
        look = (
            "whether its server runs and its address (CMS_DATABASE_URL) is right"
            if of_server
            else "at free disk space and at who may write to the workspace's folder"
        )
        return TryLater(f"the database did not answer: {reason}", f"try again; look {look}")
    if type(error).__name__ == "DatabaseError":
        return CmsError(
            f"the database cannot be read: {getattr(error, 'orig', error)}", "restore a backup of it"
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return TryLater(
            f"the disk is full{f': {error.filename}' if error.filename else ''}",
            "free some space, then do it again",
        )
    if isinstance(error, OSError) and error.filename and error.strerror:
        return CmsError(f"{error.filename}: {error.strerror}", "check the path and who may use it")
    return CmsError(
        f"a fault of cms-core: {type(error).__name__}: {error}",
        "run it again with CMS_TRACE=1 and report what it prints",
    )


def _of_two_at_once(error: Exception) -> CmsError | None:
    if not hasattr(error, "orig"):  # an error of the database; --help must not load SQLAlchemy to know
        return None
    from sqlalchemy.exc import DBAPIError

    from cms_core.db import in_words

    return in_words(error) if isinstance(error, DBAPIError) else None


def _usage_remedy(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"`{context.command_path if context else 'cms'} --help` shows how it is used"


def _print_error(message: str, remedy: str) -> None:
    document: dict[str, Any] = {"error": {"message": message, "remedy": remedy}}
    click.echo(json.dumps(document, ensure_ascii=False))


def _explain(error: CmsError, *, as_json: bool) -> int:
    from cms_core.cli.output import plain

    if as_json:
        _print_error(error.message, error.remedy)
    click.echo("Error: " + plain(error.message, keep="\n"), err=True)
    if error.remedy:
        click.echo("Try: " + plain(error.remedy, keep="\n"), err=True)
    return error.exit_code
