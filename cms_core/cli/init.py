"""``cms init``: a new workspace with its first admin, whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

import click
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cms_core.auth import service as auth
from cms_core.auth.models import Role
from cms_core.cli.output import progress
from cms_core.config import check_base_url, load_config, write_config
from cms_core.errors import ConfigError, Conflict
from cms_core.files import new_folder
from cms_core.migrations import upgrade
from cms_core.workspace import Workspace, open_workspace


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--admin-email", required=True, metavar="EMAIL", help="Address of the first admin.")
@click.option(
    "--admin-password",
    prompt="Password of the admin",
    hide_input=True,
    confirmation_prompt=True,
    metavar="PASSWORD",
    help="Its password (asked for when left out).",
)
@click.option("--database-url", metavar="URL", help="Where the data is kept (default: SQLite in DIR).")
@click.option("--base-url", metavar="URL", help="Address under which people reach it.")
def command(
    directory: Path, admin_email: str, admin_password: str, database_url: str | None, base_url: str | None
) -> None:
    """Make a workspace in DIR; connects to nothing but its database."""
    home = directory.expanduser().resolve()
    auth.checked_email(admin_email)
    auth.checked_password(admin_password)
    check_base_url(base_url or "http://localhost")
    if database_url and os.environ.get("CMS_DATABASE_URL", database_url) != database_url:
        raise ConfigError(
            "CMS_DATABASE_URL names another database than --database-url, and goes over it",
            "unset the variable, or leave the option out",
        )
    with new_folder(home), _readable_faults():
        write_config(home, database_url, base_url)
        home.chmod(0o700)  # people's addresses and the keys stand in there
        workspace = open_workspace(load_config(home))
        try:
            _fill(workspace, admin_email, admin_password)
        finally:
            workspace.db.dispose()
    where = quote(str(home))
    progress(f"Made the workspace {home}. Next:")
    click.echo(f"export CMS_HOME={where}")
    click.echo("cms run")


def _fill(workspace: Workspace, email: str, password: str) -> None:
    if inspect(workspace.db.engine).has_table("core_user"):
        raise Conflict("the database holds a workspace already", "name an empty database with --database-url")
    upgrade(workspace.db.engine, workspace.plugins)
    with workspace.db.transaction() as session:
        session.info["actor"] = (None, "cli")
        auth.create_user(session, email, "", Role.ADMIN, password)
    workspace.fence.accept()  # from its first moment on a copy is known to be one


@contextmanager
def _readable_faults() -> Iterator[None]:
    """What the database answers, for people; its address may hold a password and is not repeated."""
    try:
        yield
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise ConfigError(
            f"the database cannot be used: {' '.join(str(reason).split())}",
            "check --database-url; it is like sqlite:////srv/cms.db or postgresql://user:password@host/name",
        ) from None
