"""The routes of the app, and addresses of what is there and of what was guessed."""

import re
from collections.abc import Iterator

from flask import Flask

ONE_OF = re.compile(r"<any\(([^)]*)\):\w+>")
ARGUMENT = re.compile(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>")
GUESSED = "01a20e63-0000-7000-8000-000000000000"


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    """(method, rule) of every route but the REST interface's; one for each word where a rule takes one of several.

    Calls of REST go by tokens and have a matrix of their own: ``tests/api/test_access.py``.
    """
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/"):
            continue
        words = ONE_OF.search(rule.rule)
        for word in re.split(r",\s*", words[1]) if words else [""]:
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield method, ONE_OF.sub(word, rule.rule)


def existing(rule: str, places: dict[str, dict[str, str]]) -> str:
    """The address of something that is there."""
    best = max((each for each in places if rule.startswith(each)), key=len)
    return ARGUMENT.sub(lambda found: places[best][found[1]], rule)


def guessed(rule: str) -> list[str]:
    """Addresses of nothing: a well-formed id, the number of a row, and nonsense."""
    if not ARGUMENT.search(rule):
        return []
    return [ARGUMENT.sub(lambda _, text=text: text, rule) for text in (GUESSED, "1", "%27%20or%201=1--")]  # type: ignore[misc]
