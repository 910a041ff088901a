"""The merge language in what was written: every place that it refuses, by field, line and column."""

from collections.abc import Iterator, Mapping
from typing import Any

from cms_core import contract as c
from cms_core import merge
from cms_core.content.revisions import Words
from cms_core.plugins import Plugins


def faults(plugins: Plugins, words: Words) -> list[c.Finding]:
    """What the merge language refuses in these words and their overrides, as warnings that name line and column."""
    fields = merge.Fields.of(plugins.merge_fields.values())
    found = []
    for field, text in _texts(words):
        try:
            merge.compile(text, fields, escape=merge.Escape.NONE)
        except merge.MergeError as error:
            found.append(c.Finding(c.Level.WARNING, field, f"{error.message}. {error.remedy}"))
    return found


def _texts(words: Words) -> Iterator[tuple[str, str]]:
    yield "title", words.title
    yield "summary", words.summary
    yield from _of(words.body, "")
    for key, overrides in words.variants.items():
        yield from _of(overrides, f"{key}.")


def _of(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    yield from ((f"{prefix}{name}", value) for name, value in values.items() if isinstance(value, str))
