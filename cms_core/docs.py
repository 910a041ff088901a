"""Writes the generated pages of ``docs/``: ``python -m cms_core.docs [FOLDER]`` (``make docs``)."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import click

from cms_core.api.reference import rest_page
from cms_core.api.wiring import whole_description
from cms_core.cli import cli
from cms_core.hookspecs import hooks

SECTIONS = {
    "register_hookspecs": "Set-up: asked once, when the app is built",
    "review_content": "Moments: asked while a page is made or a decision is taken",
    "published": "Reactions: batches read from the ledger, after commit, at least once",
}
HEAD = """# Hooks

Every hook of cms-core, in the order in which a piece of content lives through them. This page is written by `make docs` from
`cms_core/hookspecs.py`; a test fails when it is out of date.

All hooks collect: each plugin may answer, answers come in plugin-name order, and no answer stops another. An implementation is a
function marked `@hookimpl` (`from cms_core import hookimpl`) in the module that the entry point names; it may leave out arguments
that it has no use for, and must not take `**kwargs`. A hook that raises, or returns something of the wrong type, costs that
plugin's answer only; the fault is shown on the Plugins page by the plugin's name.
"""


WIDE: dict[str, Any] = {"terminal_width": 110, "max_content_width": 110}
COMMANDS_HEAD = """# Commands

Every command of cms-core. This page is written by `make docs` from the commands themselves; a test fails when it is out of date.

- `--json`: one document on stdout, progress on stderr; a `list` is one plain array. A failure prints
  `{"error": {"message", "remedy"}}` and ends with its exit code. `id` is the public id, `asset` a slug, instants are ISO 8601
  with offset.
- Exit codes: 0 ok · 1 failed, nothing saved · 2 usage · 3 configuration · 4 database needs upgrade · 5 partly done · 6 refused by a
  remote · 75 try later · 130 interrupted.
- Environment: `CMS_HOME`, `CMS_DATABASE_URL`, `CMS_BASE_URL`, `CMS_OUTBOUND_ALLOW`, `CMS_LEASE_SECONDS`, `CMS_DISABLE_PLUGINS`,
  `CMS_TRUSTED_PROXIES`, `CMS_MAIL_URL` and `CMS_MAIL_FROM` for the system's own mail, `CMS_LOG`, `CMS_LOG_LEVEL`,
  `CMS_METRICS_ALLOW` and `CMS_HOST_NAME` ([operations.md](../operations.md)),
  `CMS_<PLUGIN>_<FIELD>` for plugins' settings; `CMS_TRACE=1` shows where a fault happened.
"""


def signature(name: str, function: FunctionType) -> str:
    """``name(arguments) -> answer`` as it is written in the source."""
    written = inspect.signature(function)
    parameters = ", ".join(f"{each.name}: {_type(each.annotation)}" for each in written.parameters.values())
    return f"{name}({parameters}) -> {_type(written.return_annotation)}"


def hooks_page() -> str:
    """The text of ``docs/hooks.md``."""
    lines = [HEAD]
    for name, function in hooks():
        if name in SECTIONS:
            lines.append(f"\n## {SECTIONS[name]}\n")
        text, _, since = inspect.cleandoc(function.__doc__ or "").partition(".. versionadded:: ")
        lines.append(
            f"\n### {name}\n\n```python\n{signature(name, function)}\n```\n\n{text.strip()}\n\nSince {since.strip()}.\n"
        )
    return "".join(lines)


def commands_page() -> str:
    """The text of ``docs/reference/commands.md``: every command with its help."""
    root = click.Context(cli, info_name="cms", **cli.context_settings)
    lines = [COMMANDS_HEAD]
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        if command is not None:
            lines += _command(command, click.Context(command, info_name=name, parent=root, **WIDE))
    return "".join(lines)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield f"\n## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
        return
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child is not None:
            yield from _command(child, click.Context(child, info_name=name, parent=context, **WIDE))


def main(folder: Path) -> None:
    """Write all generated pages."""
    (folder / "hooks.md").write_text(hooks_page(), encoding="utf-8")
    (folder / "reference").mkdir(exist_ok=True)
    (folder / "reference" / "commands.md").write_text(commands_page(), encoding="utf-8")
    (folder / "reference" / "rest.md").write_text(rest_page(whole_description()), encoding="utf-8")


def _type(annotation: object) -> str:
    if annotation is None or annotation is type(None):
        return "None"
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    if not isinstance(annotation, str) and getattr(annotation, "__args__", None):
        text = str(annotation)
    for module in (
        "collections.abc.",
        "cms_core.contract.",
        "cms_core.hookspecs.",
        "datetime.",
        "types.",
        "typing.",
    ):
        text = text.replace(module, "")
    return text


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
