"""From text to Jinja's syntax tree, with offsets in place of line numbers.

Jinja's lexer and parser do the work. Its tree knows lines only, so each token is handed to the parser with its offset as
"line": every node and every syntax error then says exactly where it stands. What could make the parser slow or deep, and
every statement but ``if`` and ``for``, is refused on the tokens, before the parser sees them.
"""

import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from cms_core.merge.source import Source

MAX_SOURCE = 1_000_000  # characters
MAX_TAGS = 10_000
MAX_TAG_TOKENS = 200
MAX_BRACKETS = 8
MAX_BLOCKS = 16

Lexeme = tuple[int, str, str]  # offset, type, text

_ENVIRONMENT = Environment(keep_trailing_newline=True)  # noqa: S701 - it only parses; escaping is done in quoting.py
_STATEMENTS = ("if", "elif", "else", "endif", "for", "endfor")
_ESCAPES = re.compile(r"(?:[^\\]|\\[\\'\"nt])*", re.DOTALL)
_ALLOWED = "Allowed are fields such as {{ contact.first_name }}, {% if %} and {% for %}."


def parse(text: str) -> tuple[Source, nodes.Template]:
    """The source with normalised line ends and its tree, whose ``lineno`` are offsets; raises MergeError."""
    source = Source(text.replace("\r\n", "\n").replace("\r", "\n"))
    _check_text(source)
    lexemes = _check_blocks(source, _check_tags(source, _lexemes(source)))
    parser = Parser(_ENVIRONMENT, "")
    try:
        parser.stream = TokenStream(_ENVIRONMENT.lexer.wrap(lexemes), None, None)
        return source, parser.parse()
    except TemplateSyntaxError as error:
        what = (error.message or "syntax error").rstrip(".")
        raise source.refuse(error.lineno, what[:1].lower() + what[1:], _ALLOWED) from None


def _check_text(source: Source) -> None:
    if len(source.text) > MAX_SOURCE:
        raise source.refuse(MAX_SOURCE, f"the text is longer than {MAX_SOURCE:,} characters", "Shorten it.")
    try:
        source.text.encode()
    except UnicodeEncodeError as error:
        raise source.refuse(
            error.start, "half of a surrogate pair is not a character", "Remove it."
        ) from None


def _lexemes(source: Source) -> Iterator[Lexeme]:
    """The lexer's tokens with their offsets; whitespace that ``{%-`` took away is skipped."""
    text, offset = source.text, 0
    try:
        for _, kind, value in _ENVIRONMENT.lex(text):
            offset = text.index(value, offset)
            yield offset, kind, value
            offset += len(value)
    except TemplateSyntaxError as error:
        what = (error.message or "syntax error").split(" at ", 1)[0]
        raise source.refuse(min(offset, len(text)), what[:1].lower() + what[1:], _ALLOWED) from None


def _check_tags(source: Source, lexemes: Iterator[Lexeme]) -> Iterator[Lexeme]:
    """Pass on what is small: few tags, few tokens in each, few brackets, plain literals."""
    tags = tokens = brackets = 0
    for lexeme in lexemes:
        offset, kind, value = lexeme
        if kind in ("variable_begin", "block_begin", "comment_begin"):
            tags, tokens, brackets = tags + 1, 0, 0
        elif kind == "operator":
            brackets += (value in "([{") - (value in ")]}")
        elif kind == "raw_begin":
            raise source.refuse(
                offset, "{% raw %} is not part of the merge language", 'Write {{ "{{" }} for braces.'
            )
        tokens += kind not in ("data", "whitespace")
        if tags > MAX_TAGS:
            raise source.refuse(offset, f"more than {MAX_TAGS:,} tags", "Split the text.")
        if tokens > MAX_TAG_TOKENS or brackets > MAX_BRACKETS:
            raise source.refuse(offset, "this tag is too complicated", "Use several simple tags.")
        _check_literal(source, lexeme)
        yield lexeme


def _check_literal(source: Source, lexeme: Lexeme) -> None:
    offset, kind, value = lexeme
    if kind == "string" and not _ESCAPES.fullmatch(value):
        raise source.refuse(offset, "this text has an unknown escape", r"Allowed are \\, \', \", \n and \t.")
    if kind in ("integer", "float") and not (value.isascii() and len(value) <= 15):
        raise source.refuse(offset, "this number is too long", "Use at most 15 digits.")


def _check_blocks(source: Source, lexemes: Iterator[Lexeme]) -> Iterator[Lexeme]:
    """Pass on ``if`` and ``for`` that are closed in order and not nested too deep."""
    stack: list[tuple[int, str]] = []
    begun: int | None = None
    for lexeme in lexemes:
        offset, kind, value = lexeme
        if kind == "block_begin":
            begun = offset
        elif begun is not None and kind != "whitespace":
            _check_statement(source, stack, (begun, offset, kind, value))
            begun = None
        yield lexeme
    if stack:
        offset, word = stack[-1]
        raise source.refuse(offset, f"{{% {word} %}} is never closed", f"Close it with {{% end{word} %}}.")


def _check_statement(
    source: Source, stack: list[tuple[int, str]], statement: tuple[int, int, str, str]
) -> None:
    begun, offset, kind, word = statement
    if kind != "name" or word not in _STATEMENTS:
        word = word if kind == "name" else "…"
        raise source.refuse(offset, f"{{% {word} %}} is not part of the merge language", _ALLOWED)
    if word in ("if", "for"):
        stack.append((begun, word))
        if len(stack) > MAX_BLOCKS:
            raise source.refuse(offset, f"more than {MAX_BLOCKS} blocks inside each other", "Use fewer.")
        return
    opener = "for" if word == "endfor" else "if"
    if not stack or stack[-1][1] != opener:
        raise source.refuse(offset, f"{{% {word} %}} without {{% {opener} %}}", _unexpected(stack))
    if word.startswith("end"):
        stack.pop()


def _unexpected(stack: list[tuple[int, str]]) -> str:
    return f"Close {{% {stack[-1][1]} %}} first." if stack else "Remove it."
