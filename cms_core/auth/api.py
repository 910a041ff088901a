"""REST: who calls, people, and tokens."""

from typing import Any

from flask import Response
from marshmallow import fields, validate
from sqlalchemy import select

from cms_core.api import Blueprint, Document, Input, PageArgs, answer, bearer, page, pages_of, require_match
from cms_core.api.access import require
from cms_core.api.schemas import instant, listing, text
from cms_core.auth import service, tokens
from cms_core.auth.models import ApiToken, User
from cms_core.auth.schemas import NewUser
from cms_core.db import now
from cms_core.web.request import session, workspace

blueprint = Blueprint("people", __name__, url_prefix="/api/v1", description="People and tokens.")


class Person(Document):
    """Somebody who signs in."""

    id = text()
    email = text()
    name = text()
    role = text()
    state = text("active or disabled")


class Caller(Person):
    """Whose token this is, and what it reaches."""

    scopes = listing(fields.String())
    permissions = listing(fields.String(), "What this token may do: its scopes, within the role of its user.")


class Token(Document):
    """A token without its text."""

    id = text()
    user = text()
    name = text()
    prefix = text("Its first characters.")
    scopes = listing(fields.String())
    state = text("active, expired or revoked")
    created_at = instant()
    expires_at = instant(null=True)
    last_used_at = instant("To about five minutes.", null=True)


class FreshToken(Token):
    """A new token."""

    token = text("The text to send; it is not shown again.")


class NewPerson(NewUser, Input):
    """Somebody who is to sign in."""


class NewToken(Input):
    """A token that is to be made."""

    user = fields.String(load_default="", validate=validate.Length(max=320))
    name = fields.String(load_default="", validate=validate.Length(max=tokens.MAX_NAME))
    scopes = fields.List(
        fields.String(validate=validate.Length(1, 60)), load_default=list, validate=validate.Length(max=50)
    )
    expires = fields.String(
        load_default="",
        validate=validate.Length(max=40),
        metadata={"description": "Last day (UTC), or an instant."},
    )


@blueprint.get("/me")
@blueprint.call(None, answers=Caller)
def me() -> Response:
    """Who calls, and what this token may do."""
    caller, plugins = bearer(), workspace().plugins
    may = [name for name in sorted(plugins.permissions) if caller.can(plugins, name)]
    return answer({**service.document(caller.user), "scopes": list(caller.scopes), "permissions": may})


@blueprint.get("/users")
@blueprint.call(tokens.ADMIN, "users list", query=PageArgs, answers=pages_of(Person))
def users(query: dict[str, Any]) -> Response:
    """Everybody who signs in."""
    return page(session(), select(User), (User.id,), query, lambda row: service.document(row["User"]))


@blueprint.post("/users")
@blueprint.call(tokens.ADMIN, "users add", body=NewPerson, answers=Person, status=201)
def add_user(body: dict[str, Any]) -> Response:
    """Add somebody."""
    return answer(service.document(service.create_user(session(), **body)), 201)


@blueprint.get("/tokens")
@blueprint.call(None, "tokens list", query=PageArgs, answers=pages_of(Token))
def list_tokens(query: dict[str, Any]) -> Response:
    """One's own tokens; those of everybody for an admin."""
    listed = select(ApiToken)
    if not _is_admin():
        listed = listed.where(ApiToken.user_id == bearer().user.id)
    at = now(session())
    return page(session(), listed, (ApiToken.id,), query, lambda row: tokens.document(row["ApiToken"], at))


@blueprint.get("/tokens/<id>")
@blueprint.call(None, answers=Token, versioned=True)
def one_token(id: str) -> Response:  # noqa: A002  # the name in the path
    """One token."""
    found = _token(id)
    return answer(tokens.document(found, now(session())), version=found.row_version)


@blueprint.post("/tokens")
@blueprint.call(tokens.ADMIN, "tokens add", body=NewToken, answers=FreshToken, status=201)
def add_token(body: dict[str, Any]) -> Response:
    """Make a token. No token makes another one, but for those of scope admin."""
    owner = service.find_user(session(), body.pop("user") or bearer().user.email)
    made, written = tokens.add(session(), workspace().plugins, bearer().user, owner, **body)
    told = {"token": written, **tokens.document(made, now(session()))}
    return answer(told, 201, version=made.row_version, location=f"/api/v1/tokens/{made.public_id}")


@blueprint.delete("/tokens/<id>")
@blueprint.call(None, "tokens revoke", answers=Token, versioned=True)
def revoke_token(id: str) -> Response:  # noqa: A002
    """End a token at once. A token may end itself; others take the scope admin."""
    found = _token(id)
    require_match(found.row_version)
    if found.id != bearer().token_id:
        require(tokens.ADMIN)
    tokens.revoke(session(), workspace().plugins, bearer().user, found)
    return answer(tokens.document(found, now(session())), version=found.row_version)


def _token(named: str) -> ApiToken:
    return tokens.find(session(), named, None if _is_admin() else bearer().user)


def _is_admin() -> bool:
    return bearer().can(workspace().plugins, tokens.ADMIN)
