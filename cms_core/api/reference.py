"""The page ``docs/reference/rest.md``: which call does what which command does, and which commands have none."""

from collections.abc import Iterator
from typing import Any

import click

# Command (or group) → why it makes no sense over HTTP.
ALONE = {
    "init": "it makes the workspace, before anything is served",
    "run": "it is what serves",
    "web": "it is what serves the calls",
    "scheduler": "it is a process of its own; what is due is begun by itself",
    "worker": "it is a process of its own; publications are begun by their calls",
    "demo": "it makes and serves a workspace of its own",
    "dev": "it is for authors of plugins, on their own machine",
    "db": "it changes the tables under the running app",
    "export": "it writes the whole workspace to a file beside the app",
    "import": "it fills a new workspace, before anything is served",
    "backup": "it writes the whole workspace, with its credentials, to a file beside the app",
    "restore": "it makes a workspace, before anything is served",
    "doctor": "it looks at the machine, also when nothing is served",
    "calendar replan": "it follows an upgrade of the machine's rules of time zones; who upgraded it runs it there",
    "fence": "who confirms a moved database must be at its machine",
    "plugins purge": "it drops tables; an admin does it at the machine, after a look at what would be gone",
    "users password": "a password is set by its owner, or by an admin on the page of people",
    "sales decks check": "it looks at a file on its own machine, and asks the workspace nothing",
    "content reindex": "it mends an index; an admin runs it beside the app",
}
HEAD = """# REST

Every call of the REST interface, and the command that does the same. This page is written by `make docs` from the calls
themselves; a test walks over all commands, those of the bundled plugins too, and fails for one that is neither here nor in the list
at the end. [rest.md](../rest.md) shows how to begin. Addresses begin with `/api/v1`; `/api/v1/openapi.json` describes all of them.

| call | what it does | command | permission |
|---|---|---|---|
"""
METHODS = ("get", "post", "put", "patch", "delete")


def rest_page(document: dict[str, Any]) -> str:
    """The text of the page."""
    rows = [_row(*each) for each in operations(document)]
    lines = [HEAD, *rows, "\n## Commands without a call\n\n| command | why |\n|---|---|\n"]
    lines += [f"| `cms {name}` | {why} |\n" for name, why in ALONE.items()]
    return "".join(lines)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of all calls."""
    for path, found in document["paths"].items():
        for method in METHODS:
            if method in found:
                yield method, path, found[method]


def twins(document: dict[str, Any]) -> set[str]:
    """The commands that a call does the work of."""
    return {command for _, _, operation in operations(document) for command in operation["x-cli"]}


def commands(group: click.Group, *names: str) -> Iterator[str]:
    """All commands below a group, as they are typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, *names, name)
        elif found is not None:
            yield " ".join([*names, name])


def without_call(command: str) -> bool:
    """Whether this command, or a group of it, is listed as one that makes no sense over HTTP."""
    words = command.split()
    groups = {" ".join(words[:n]) for n in range(1, len(words) + 1)}
    return not groups.isdisjoint(ALONE)


def _row(method: str, path: str, operation: dict[str, Any]) -> str:
    typed = ", ".join(f"`cms {each}`" for each in operation["x-cli"]) or "–"
    permission = f"`{operation['x-permission']}`" if operation["x-permission"] else "any token"
    call = f"`{method.upper()} {path.removeprefix('/api/v1')}`"
    return f"| {call} | {operation.get('summary', '')} | {typed} | {permission} |\n"
