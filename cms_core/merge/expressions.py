"""Checks Jinja's expressions against the allow-list and turns them into functions over a frame.

No code is generated and nothing is looked up by a name from the template at render time, but by keys of the given mappings.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from jinja2 import nodes as jinja

from cms_core.merge.fields import Fields, FieldType
from cms_core.merge.filters import FILTERS, Filter
from cms_core.merge.nodes import Expression, Frame
from cms_core.merge.source import Source
from cms_core.merge.values import COMPARE, flag, truth

_FIELD = 'Write a field such as {{ contact.first_name | default("there") }}.'
_CONDITION = ("a condition is not a value", "Use {% if … %} … {% else %} … {% endif %}.")
_NOT_A_LITERAL = ("a field may not stand here", "Write a text or a number.")
_REFUSED: Mapping[type[jinja.Node], tuple[str, str]] = {
    jinja.And: _CONDITION,
    jinja.Or: _CONDITION,
    jinja.Not: _CONDITION,
    jinja.Compare: _CONDITION,
    jinja.CondExpr: _CONDITION,
    jinja.Call: ("calls are not part of the merge language", _FIELD),
    jinja.Getitem: ("square brackets are not part of the merge language", "Write contact.first_name."),
    jinja.BinExpr: ("arithmetic is not part of the merge language", "Put the result into a field."),
    jinja.UnaryExpr: ("arithmetic is not part of the merge language", "Put the result into a field."),
    jinja.Concat: (
        "joining with ~ is not part of the merge language",
        "Write the parts one after the other.",
    ),
    jinja.Test: ("tests with 'is' are not part of the merge language", "Write {% if contact.first_name %}."),
    jinja.Getattr: _NOT_A_LITERAL,
    jinja.Name: _NOT_A_LITERAL,
    jinja.Filter: _NOT_A_LITERAL,
}


@dataclass(frozen=True)
class Expressions:
    """Reads the expressions of one template; ``items`` are the loop variables in scope with their slots."""

    source: Source
    fields: Fields
    items: Mapping[str, int] = field(default_factory=dict)

    def value(self, node: jinja.Node) -> Expression:
        """A field, a literal, or either with filters."""
        if isinstance(node, jinja.Filter) and node.node is not None:
            return self._filtered(node, node.node)
        if isinstance(node, jinja.Getattr):
            return self._field(node)
        if isinstance(node, jinja.Name):
            return self._item(node)
        return self._literal(node)

    def test(self, node: jinja.Node) -> Expression:
        """What may stand behind ``if``: comparisons of values, joined by and, or, not."""
        if isinstance(node, jinja.Not):
            inner = self.test(node.node)
            return _over(lambda frame: not inner.read(frame), f"not({inner.key})", node, inner)
        if isinstance(node, jinja.And | jinja.Or):
            return self._both(node)
        if isinstance(node, jinja.Compare):
            return self._comparison(node)
        inner = self.value(node)
        return _over(lambda frame: truth(inner.read(frame)), f"truth({inner.key})", node, inner)

    def _both(self, node: jinja.And | jinja.Or) -> Expression:
        left, right = self.test(node.left), self.test(node.right)
        key = f"({left.key} {node.operator} {right.key})"
        if isinstance(node, jinja.And):
            return _over(lambda frame: left.read(frame) and right.read(frame), key, node, left, right)
        return _over(lambda frame: left.read(frame) or right.read(frame), key, node, left, right)

    def _comparison(self, node: jinja.Compare) -> Expression:
        if len(node.ops) > 1:
            raise self.source.refuse(
                _start(node), "comparisons in a chain", "Compare twice and join with 'and'."
            )
        (operand,) = node.ops
        compare = COMPARE[operand.op]
        left = self.value(node.expr)
        in_list = operand.op in ("in", "notin") and isinstance(operand.expr, jinja.List | jinja.Tuple)
        right = self._literals(operand.expr) if in_list else self.value(operand.expr)
        return _over(
            lambda frame: compare(left.read(frame), right.read(frame)),
            f"({left.key} {operand.op} {right.key})",
            node,
            left,
            right,
        )

    def _literals(self, node: jinja.Expr) -> Expression:
        parts = [self._literal(part) for part in node.iter_child_nodes()]
        values = [part.read([]) for part in parts]
        return Expression(lambda _: values, repr(values), node.lineno, FieldType.LIST)

    def _literal(self, node: jinja.Node) -> Expression:
        value = self._constant(node)
        kind = FieldType.TEXT if isinstance(value, str) else FieldType.NUMBER
        return Expression(lambda _: value, repr(value), node.lineno, kind, filled=True)

    def _constant(self, node: jinja.Node) -> str | int | float | bool:
        if isinstance(node, jinja.Neg) and isinstance(node.node, jinja.Const):
            value = self._constant(node.node)
            if not isinstance(value, str | bool):
                return -value
        if not isinstance(node, jinja.Const):
            self._refuse(node)
        value = node.value
        if not isinstance(value, str | int | float) or (
            isinstance(value, float) and not math.isfinite(value)
        ):
            raise self.source.refuse(node.lineno, f"{value} is not part of the merge language", _FIELD)
        return value

    def _field(self, node: jinja.Getattr) -> Expression:
        owner = node.node
        if not isinstance(owner, jinja.Name):
            depth = "a field has two parts, as in contact.first_name"
            return self._refuse(owner) if not isinstance(owner, jinja.Getattr) else self._refuse(owner, depth)
        if owner.name in self.items:
            return self._item(owner, node.attr)
        name = f"{owner.name}.{node.attr}"
        kind = self.fields.type_of(owner.name, node.attr)
        if kind is None:
            raise self.source.refuse(
                owner.lineno, f"there is no field {name}", self._instead(owner.name, node.attr)
            )
        return Expression(
            _reader(owner.name, node.attr, kind),
            name,
            owner.lineno,
            kind,
            frozenset((name,)),
            trusted=self.fields.namespaces[owner.name].trusted,
            plain=True,
        )

    def _item(self, node: jinja.Name, attribute: str = "") -> Expression:
        if node.name not in self.items:
            remedy = self._instead("", node.name)
            raise self.source.refuse(node.lineno, f"{node.name} is not a field of the merge language", remedy)
        if attribute.startswith("_"):
            raise self.source.refuse(node.lineno, f"there is no field {node.name}.{attribute}", _FIELD)
        slot = self.items[node.name]

        def read(frame: Frame) -> Any:
            item = frame[slot]
            if not attribute:
                return item
            return item.get(attribute) if isinstance(item, dict) else None

        key = f"item{slot}.{attribute}"
        return Expression(read, key, node.lineno, items=frozenset((slot,)), filled=True, plain=True)

    def _instead(self, namespace: str, name: str) -> str:
        close = self.fields.close_to(namespace, name)
        if close:
            return f"Did you mean {' or '.join(close)}?"
        return f"Known are the fields of {', '.join(sorted(self.fields.namespaces)) or 'no provider'}."

    def _filtered(self, node: jinja.Filter, inner: jinja.Node) -> Expression:
        rule = FILTERS.get(node.name)
        if rule is None:
            raise self.source.refuse(
                node.lineno, f"there is no filter {node.name}", f"Filters are {', '.join(FILTERS)}."
            )
        value = self.value(inner)
        arguments = self._arguments(node, rule)
        apply, read = rule.apply, value.read
        return replace(
            value,
            read=lambda frame: apply(read(frame), *arguments),
            key=f"{value.key}|{node.name}{arguments!r}",
            filled=value.filled or rule.fills,
            encoded=node.name == "urlencode",
            trusted=False,
            plain=False,
        )

    def _arguments(self, node: jinja.Filter, rule: Filter) -> tuple[Any, ...]:
        usage = f"Write {rule.usage or node.name}."
        if node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) > (rule.accepts is not None):
            raise self.source.refuse(node.lineno, f"{node.name} takes nothing like this", usage)
        if not node.args:
            if rule.accepts is None or rule.optional:
                return ()
            raise self.source.refuse(node.lineno, f"{node.name} wants a value in brackets", usage)
        argument = self._constant(node.args[0])
        if rule.accepts is None or not rule.accepts(argument):
            raise self.source.refuse(node.args[0].lineno, f"{node.name} cannot use {argument!r}", usage)
        return (argument,)

    def _refuse(self, node: jinja.Node, what: str = "") -> NoReturn:
        known = next((words for kind, words in _REFUSED.items() if isinstance(node, kind)), None)
        noun, remedy = known or (f"{type(node).__name__.lower()} is not part of the merge language", _FIELD)
        raise self.source.refuse(_start(node), what or noun, remedy)


def _reader(namespace: str, name: str, kind: FieldType) -> Callable[[Frame], Any]:
    def read(frame: Frame) -> Any:
        fields = frame[0].get(namespace)
        return None if fields is None else fields.get(name)

    return read if kind is not FieldType.BOOL else lambda frame: flag(read(frame))


def _over(read: Callable[[Frame], Any], key: str, node: jinja.Node, *parts: Expression) -> Expression:
    fields = frozenset().union(*(part.fields for part in parts))
    items = frozenset().union(*(part.items for part in parts))
    return Expression(read, key, node.lineno, FieldType.BOOL, fields, items, filled=True)


def _start(node: jinja.Node) -> int:
    """Where an expression begins: of its nodes the first offset."""
    return min(part.lineno for part in (node, *node.find_all(jinja.Node)) if part.lineno)
