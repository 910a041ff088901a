"""Compiled templates: which fields they use, which may be missed, and the rendered text or bytes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cms_core.contract import Finding, Level
from cms_core.merge.assembly import Assembler
from cms_core.merge.expressions import Expressions
from cms_core.merge.fields import Fields
from cms_core.merge.html import Place
from cms_core.merge.parsing import parse
from cms_core.merge.quoting import Plain, QuotedPrintable
from cms_core.merge.statements import Builder, Gap
from cms_core.merge.values import blank

Values = Mapping[str, Mapping[str, Any]]


class Escape(StrEnum):
    """What a template's text is: plain text (subjects, text bodies) or HTML."""

    NONE = "none"
    HTML = "html"


class Encoding(StrEnum):
    """How a body travels; the value is that of Content-Transfer-Encoding."""

    QUOTED_PRINTABLE = "quoted-printable"


class Compiled:
    """What every compiled template can tell. ``fields`` are all that it reads; ``required_fields`` those that are shown
    without a default and outside an ``if`` that asks for them: where they are empty, the reader sees a hole."""

    def __init__(self, source: str, fields: Fields, escape: Escape, writer: Plain) -> None:
        self._source, tree = parse(source)
        builder = Builder(Expressions(self._source, fields), Place() if escape is Escape.HTML else None)
        self._render = Assembler(writer).assemble(builder.body(tree.body))
        self._gaps = tuple(builder.gaps)
        self.fields = frozenset(builder.fields)
        self.required_fields = frozenset(gap.field for gap in builder.gaps)

    def missing(self, values: Values) -> tuple[str, ...]:
        """The required fields that are empty in these values, in alphabetical order."""
        return tuple(name for name in sorted(self.required_fields) if blank(_value(values, name)))

    def findings(self, field: str) -> tuple[Finding, ...]:
        """A warning for each place where an empty field leaves a hole; ``field`` is the one that holds the template."""
        return tuple(Finding(Level.WARNING, field, self._hole(gap)) for gap in self._gaps)

    def _hole(self, gap: Gap) -> str:
        line, column = self._source.place(gap.offset)
        return (
            f"line {line}, column {column}: {gap.field} has no default and is empty for contacts without it. "
            f'Write {{{{ {gap.field} | default("…") }}}}.'
        )


class Template(Compiled):
    """A template that becomes text."""

    def render(self, values: Values) -> str:
        """The text for one set of values by namespace; missing values are empty. Never raises."""
        return self._render(values)


class BytesTemplate(Compiled):
    """A template that becomes the body of a MIME part in ``encoding``."""

    encoding = Encoding.QUOTED_PRINTABLE

    def render(self, values: Values) -> bytes:
        """The body for one set of values: CRLF line ends, lines of at most 76 characters, ASCII. Never raises.

        Lines that start with a dot are left to the SMTP door.
        """
        return self._render(values).encode("ascii")


def _value(values: Values, name: str) -> Any:
    namespace, _, key = name.partition(".")
    return (values.get(namespace) or {}).get(key)


def compile_text(source: str, fields: Fields, *, escape: Escape) -> Template:
    """Check and compile a template; MergeError names line, column and remedy of what is not in the merge language."""
    return Template(source, fields, escape, Plain())


def compile_bytes(
    source: str, fields: Fields, *, escape: Escape, encoding: Encoding = Encoding.QUOTED_PRINTABLE
) -> BytesTemplate:
    """As ``compile``, for the body of a MIME part: literal text is encoded once, here."""
    return BytesTemplate(source, fields, escape, _WRITERS[encoding]())


_WRITERS: Mapping[Encoding, type[Plain]] = {Encoding.QUOTED_PRINTABLE: QuotedPrintable}
