"""How commands print: one JSON document on stdout, or a plain table; everything else goes to stderr."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import click

from cms_core.documents import dump


def print_json(document: Any) -> None:
    """Print one JSON document; instants as ISO 8601 with offset, amounts as numbers."""
    click.echo(dump(document, indent=True).decode())


def json_line(document: Any) -> str:
    """One document as JSON in one line, written as ``print_json`` writes it."""
    return dump(document).decode()


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as an aligned table with the named columns."""
    lines = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [
        max(len(column), *(len(line[i]) for line in lines)) if lines else len(column)
        for i, column in enumerate(columns)
    ]
    click.echo(
        "  ".join(column.upper().ljust(width) for column, width in zip(columns, widths, strict=True)).rstrip()
    )
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def plain(text: object, keep: str = "") -> str:
    """Words that may be others' (a remote's, an importer's) for a terminal: line ends and control characters become spaces."""
    words = str(text)
    return (
        words
        if words.isprintable()
        else "".join(each if each.isprintable() or each in keep else " " for each in words)
    )


def progress(text: str) -> None:
    """Tell the person at the terminal, on stderr."""
    click.echo(text, err=True)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return (
            value.isoformat(sep=" ", timespec="minutes") if isinstance(value, datetime) else value.isoformat()
        )
    return plain(value)
