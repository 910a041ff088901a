"""A blueprint whose calls say in one place who may use them, what they take and what they answer."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, NoReturn, TypeVar

import flask_smorest
import orjson
from flask import Request, request
from marshmallow import RAISE, Schema, ValidationError
from webargs.core import missing
from webargs.flaskparser import FlaskParser

from cms_core.api import access
from cms_core.api.answers import WrongMediaType
from cms_core.api.idempotency import begin
from cms_core.api.schemas import Input
from cms_core.connections.values import InvalidValues
from cms_core.errors import CmsError, Invalid

View = TypeVar("View", bound=Callable[..., Any])
SchemaLike = Schema | type[Schema]

DEEPEST = 50
FILES = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
        }
    },
    "application/octet-stream": {
        "schema": {"type": "string", "contentMediaType": "application/octet-stream"}
    },
}


class NotJson(CmsError):
    """The body is no JSON, or none that this call takes."""

    status = 400


class Parser(FlaskParser):
    """Reads JSON strictly, and refuses query parameters that nobody knows."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": RAISE,
    }

    def _raw_load_json(self, req: Request) -> Any:
        body = req.get_data()
        if not body:
            return missing
        if not req.is_json:
            raise WrongMediaType(
                f"this call does not take {req.mimetype[:60] or 'a body without a type'}",
                "send JSON, with Content-Type: application/json",
            )
        try:
            found = orjson.loads(body)
        except ValueError as error:
            raise NotJson(f"the body is not JSON: {error}", "send one JSON object in UTF-8") from None
        _refuse_unstorable(found)
        return found

    def handle_error(self, error: ValidationError, *_: Any, **__: Any) -> NoReturn:
        found = error.messages
        inner = next(iter(found.values()), found) if isinstance(found, dict) else found
        errors = inner if isinstance(inner, dict) else {"body": inner}
        names = ", ".join(map(str, list(errors)[:5]))
        raise InvalidValues(
            f"the input cannot be used: {names}", "`errors` says what is wrong with each", errors
        )


def _refuse_unstorable(found: Any) -> None:
    """No database takes a NUL, and no document of ours is deep."""
    level = [found]
    for _ in range(DEEPEST):
        if any("\0" in each for each in level if isinstance(each, str)):
            raise Invalid("the input holds a NUL character", "leave it out")
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise Invalid(f"the input is nested more than {DEEPEST} deep", "flatten it")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # it comes without types
    """Calls under one address. ``name`` must not be that of another blueprint."""

    ARGUMENTS_PARSER = Parser()

    def get(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Answer GET (and HEAD) under this address."""
        return self._on("GET", rule, options)

    def post(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Answer POST under this address."""
        return self._on("POST", rule, options)

    def put(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Answer PUT under this address."""
        return self._on("PUT", rule, options)

    def patch(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Answer PATCH under this address."""
        return self._on("PATCH", rule, options)

    def delete(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Answer DELETE under this address."""
        return self._on("DELETE", rule, options)

    def _on(self, method: str, rule: str, options: dict[str, Any]) -> Callable[[View], View]:
        registered: Callable[[View], View] = self.route(rule, methods=[method], **options)
        return registered

    def call(  # noqa: PLR0913  # the one place where a call is described
        self,
        permission: str | None,
        twin: str | Sequence[str] = (),
        *,
        query: SchemaLike | None = None,
        body: SchemaLike | None = None,
        answers: SchemaLike | None = None,
        status: int = 200,
        files: bool = False,
        versioned: bool = False,
        streams: str = "",
    ) -> Callable[[View], View]:
        """Who may use this call (None: whoever has a token), the commands that do the same, its input and its answer.

        The view is given the loaded query, then the loaded body, then what stands in the path. ``versioned``: the answer has an
        ETag; a change needs ``If-Match`` (the view asks ``require_match``). ``files``: it takes an upload. ``streams`` is the media
        type of an answer that is no JSON. Decorate with ``get``, ``post``, ``patch``, ``put`` or ``delete`` above this.
        """

        def wrap(view: View) -> View:
            made: Callable[..., Any] = view
            if body is not None:
                made = self.arguments(body)(made)
            if query is not None:
                made = self.arguments(query, location="query")(made)
            made = self.response(status, None if streams else answers, content_type=streams or None)(made)
            twins = [twin] if isinstance(twin, str) else list(twin)
            made = self.doc(**_described(permission, twins, files, versioned))(made)
            taken = {"query": query is not None, "json": body is not None or files}
            return _guarded(made, permission, taken)  # type: ignore[return-value]

        return wrap


def _described(permission: str | None, twins: list[str], files: bool, versioned: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"x-permission": permission, "x-cli": twins, "x-versioned": versioned}
    if files:
        told["requestBody"] = {"required": True, "content": FILES}
    return told


def _guarded(
    view: Callable[..., Any], permission: str | None, taken: Mapping[str, bool]
) -> Callable[..., Any]:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if permission is not None:
            access.require(permission)
        for location in ("query", "json") if request.method != "DELETE" else ("query",):
            if not taken[location]:  # it does nothing for who wants something of it that it does not know
                Blueprint.ARGUMENTS_PARSER.parse(Input(), request, location=location)
        if request.method == "POST":
            begin()
        return view(*args, **kwargs)

    guarded.cms_permission = permission  # type: ignore[attr-defined]
    return guarded
