"""The services of a plugin in a call of the REST interface."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from flask import request
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.api import access
from cms_core.auth.models import User
from cms_core.auth.tokens import Bearer
from cms_core.services import Services
from cms_core.web.request import SAFE_METHODS, workspace
from cms_core.web.request import session as request_session


class CallServices(Services):
    """Services in the name of whoever calls, as far as their token goes. What a writing call does is one transaction.

    So ``Idempotency-Key`` holds for all that a plugin's own functions do, though they open transactions as if they were alone.
    """

    def __init__(self, plugin: str, caller: Bearer, via: str) -> None:
        super().__init__(workspace(), plugin, (caller.user.id, via))
        self._caller = caller
        self._joins = request.method not in SAFE_METHODS

    @cached_property
    def _asking(self) -> User | None:
        return self._caller.user

    def can(self, permission: str) -> bool:
        """Whether the role of who calls and their token have this permission."""
        return self._caller.can(self._workspace.plugins, permission)

    def require(self, permission: str) -> c.User:
        """Who calls, if their role and their token have this permission; raises Forbidden otherwise."""
        access.require(permission)
        return super().require(permission)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A reading session; in a writing call, that of the call."""
        if self._joins:
            yield request_session()
        else:
            with super().session() as opened:
                yield opened

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A writing session, in a writing call that of the call: kept when its answer is a success."""
        if self._joins:
            yield request_session()
        else:
            with super().transaction() as opened:
                yield opened


def services(plugin: str) -> CallServices:
    """What a plugin's call asks of the core, in the name of whoever calls."""
    caller = access.bearer()
    return CallServices(plugin, caller, f"rest {caller.prefix[4:]}")
