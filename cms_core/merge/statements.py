"""Checks Jinja's statements against the allow-list, follows the HTML they stand in, and builds the checked template."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from jinja2 import nodes as jinja

from cms_core.merge import html
from cms_core.merge.expressions import Expressions
from cms_core.merge.fields import FieldType
from cms_core.merge.nodes import FIRST_ITEM, MAX_LOOPS, Body, Expression, For, If, Node, Output, Quote, Text


@dataclass
class Gap:
    """A field that is shown without a default: what the reader misses when it is empty."""

    field: str
    offset: int


@dataclass
class Builder:
    """Builds one template; ``place`` is where in the HTML it stands, or None when the text is not HTML."""

    expressions: Expressions
    place: html.Place | None
    fields: set[str] = field(default_factory=set)
    gaps: list[Gap] = field(default_factory=list)
    tested: frozenset[str] = frozenset()  # fields that the branches around have asked for

    def body(self, nodes: Sequence[jinja.Node]) -> Body:
        """The checked form of a sequence of statements."""
        return tuple(self._nodes(nodes))

    def _nodes(self, nodes: Sequence[jinja.Node]) -> Iterator[Node]:
        for node in nodes:
            if isinstance(node, jinja.Output):
                yield from self._output(node)
            elif isinstance(node, jinja.If):
                yield self._if(node)
            elif isinstance(node, jinja.For):
                yield self._for(node)

    def _output(self, node: jinja.Output) -> Iterator[Node]:
        literal = ""
        for part in node.nodes:
            if isinstance(part, jinja.TemplateData):
                literal += part.data  # a comment between two texts does not part them
                continue
            yield from self._text(literal)
            literal = ""
            yield self._value(self.expressions.value(part))
        yield from self._text(literal)

    def _text(self, data: str) -> Iterator[Node]:
        if data:
            if self.place is not None:
                self.place = html.advance(self.place, data)
            yield Text(data)

    def _value(self, value: Expression) -> Output:
        self.fields |= value.fields
        if not (value.filled or value.trusted):
            self.gaps += [Gap(name, value.offset) for name in value.fields - self.tested]
        if self.place is None:
            return Output(value, Quote.NONE)
        try:
            quote, self.place = html.quote_at(self.place, value)
        except html.Misplaced as error:
            raise self._refuse(value.offset, error) from None
        return Output(value, quote)

    def _if(self, node: jinja.If) -> If:
        self._check_place(node.lineno)
        outer, start = self.tested, self.place
        branches: list[tuple[Expression, Body]] = []
        ends: list[html.Place | None] = []
        for branch in (node, *node.elif_):
            test = self.expressions.test(branch.test)
            self.fields |= test.fields
            self.tested, self.place = outer | test.fields, start
            branches.append((test, self.body(branch.body)))
            ends.append(self.place)
        self.tested, self.place = outer, start
        otherwise = self.body(node.else_)
        if any(end != self.place for end in ends):
            raise self._unbalanced(node.lineno, "the branches of this if end in different places of the HTML")
        return If(tuple(branches), otherwise)

    def _for(self, node: jinja.For) -> For:
        self._check_place(node.lineno)
        each = self._list(node)
        slot = FIRST_ITEM + len(self.expressions.items)
        outer, start = self.expressions, self.place
        self.expressions = replace(outer, items={**outer.items, self._variable(node): slot})
        body = self.body(node.body)
        self.expressions = outer
        if self.place != start:
            raise self._unbalanced(node.lineno, "this for ends in another place of the HTML than it starts")
        return For(slot, each, body)

    def _variable(self, node: jinja.For) -> str:
        target, expressions = node.target, self.expressions
        refuse = expressions.source.refuse
        if not isinstance(target, jinja.Name):
            raise refuse(target.lineno, "a for has one variable", "Write {% for item in contact.list %}.")
        taken = target.name in expressions.fields.namespaces or target.name in expressions.items
        if taken or target.name == "loop" or target.name.startswith("_"):
            raise refuse(
                target.lineno, f"{target.name} cannot be the name of a variable", "Choose another name."
            )
        if len(expressions.items) == MAX_LOOPS:
            raise refuse(target.lineno, f"more than {MAX_LOOPS} loops inside each other", "Use fewer.")
        return target.name

    def _list(self, node: jinja.For) -> Expression:
        """What is looped over; an inner loop only over its outer item, so that the output grows no faster than the data."""
        refuse = self.expressions.source.refuse
        if node.test is not None or node.recursive:
            offset = node.test.lineno if node.test is not None else node.lineno
            raise refuse(offset, "a for takes nothing behind its list", "Put an {% if %} inside the loop.")
        if isinstance(node.iter, jinja.Call | jinja.Const):
            raise refuse(
                node.iter.lineno, "a for runs over a list field only", "Write {% for item in contact.list %}."
            )
        each = self.expressions.value(node.iter)
        if not each.plain or each.type not in (FieldType.LIST, None):
            raise refuse(each.offset, "this is not a list field", "Loop over a field that holds a list.")
        inner = max(self.expressions.items.values(), default=None)
        if inner is not None and each.items != {inner}:
            raise refuse(
                each.offset,
                "an inner for runs over the outer item's list only",
                "Use the outer variable here.",
            )
        self.fields |= each.fields
        return each

    def _check_place(self, offset: int) -> None:
        if self.place is not None:
            try:
                html.check_place(self.place)
            except html.Misplaced as error:
                raise self._refuse(offset, error) from None

    def _unbalanced(self, offset: int, what: str) -> Exception:
        return self._refuse(
            offset, html.Misplaced(what, "Open and close tags and quotes inside the same branch.")
        )

    def _refuse(self, offset: int, error: html.Misplaced) -> Exception:
        return self.expressions.source.refuse(offset, error.what, error.remedy)
