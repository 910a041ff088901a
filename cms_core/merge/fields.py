"""Which fields a template may name: namespaces with typed fields, as the registered providers declare them."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cms_core.contract import FieldProvider


class FieldType(StrEnum):
    """What a field holds; decides how it compares and whether it may be a link's address."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    LIST = "list"
    BOOL = "bool"
    URL = "url"


@dataclass(frozen=True)
class Namespace:
    """The fields under one name.

    ``open``: names that are not declared are allowed too and are text (a workspace's own contact fields). ``trusted``: the
    values are made by us, not by people (tokens, unsubscribe addresses), so they may stand at the start of a link.
    """

    fields: Mapping[str, FieldType]
    open: bool = False
    trusted: bool = False


@dataclass(frozen=True)
class Fields:
    """All namespaces that a template may use."""

    namespaces: Mapping[str, Namespace]

    @classmethod
    def of(cls, providers: Iterable[FieldProvider]) -> "Fields":
        """The fields of registered providers."""
        return cls(
            {
                provider.namespace: Namespace(
                    {spec.name: FieldType(spec.type) for spec in provider.fields}, open=provider.open
                )
                for provider in providers
            }
        )

    def trusting(self, namespace: str, **types: FieldType) -> "Fields":
        """These fields and a namespace whose values the caller makes itself, such as ``message.token``."""
        return Fields({**self.namespaces, namespace: Namespace(types, trusted=True)})

    def type_of(self, namespace: str, name: str) -> FieldType | None:
        """The type of a field, or None when it may not be named."""
        space = self.namespaces.get(namespace)
        if space is None or name.startswith("_"):
            return None
        return space.fields.get(name, FieldType.TEXT if space.open else None)

    def close_to(self, namespace: str, name: str) -> list[str]:
        """Up to three full names that resemble what was written, the best first; an unknown namespace may be any."""
        spaces = [namespace] if namespace in self.namespaces else list(self.namespaces)
        known = [(space, field) for space in spaces for field in self.namespaces[space].fields]
        close = difflib.get_close_matches(name, {field for _, field in known}, n=3, cutoff=0.6)
        return [f"{space}.{field}" for found in close for space, field in known if field == found][:3]
