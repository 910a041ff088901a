"""The merge language: Jinja's syntax, allow-listed when a template is saved, compiled once, rendered for many.

    {{ contact.first_name | title | default("there") }}
    {% if contact.score >= 50 and "beta" in contact.tags %} … {% elif … %} … {% else %} … {% endif %}
    {% for item in contact.recommendations %}{{ item.title }}{% endfor %}

Allowed are the fields of registered providers (``namespace.field``), literals (texts, numbers, true, false), the filters of
``filters.FILTERS``, ``if`` with comparisons (== != < <= > >= in, and, or, not), ``for`` over a list field, and comments.
Everything else is a :class:`MergeError` with line, column and remedy. Values are data: they are never parsed as templates,
no attribute or method of theirs is touched, and a text grows no faster than the values put into it.

    template = merge.compile(source, fields, escape=merge.Escape.HTML)
    template.render({"contact": {"first_name": "Ana"}})
"""

from cms_core.merge.fields import Fields, FieldType, Namespace
from cms_core.merge.source import MergeError
from cms_core.merge.template import BytesTemplate, Encoding, Escape, Template, compile_bytes
from cms_core.merge.template import compile_text as compile  # noqa: A004 - as in re.compile

__all__ = [
    "BytesTemplate",
    "Encoding",
    "Escape",
    "FieldType",
    "Fields",
    "MergeError",
    "Namespace",
    "Template",
    "compile",
    "compile_bytes",
]
