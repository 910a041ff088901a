"""REST: what an asset was, its former addresses, what uses it, and putting it away. Registered below the calls of content."""

from dataclasses import asdict
from typing import Any

from flask import Response
from marshmallow import fields, validate

from cms_core.api import Blueprint, Document, Input, answer, bearer
from cms_core.api.schemas import instant, listing, many_of, number, text, truth
from cms_core.content import board, compare, renames, service
from cms_core.content.compare import find_revision
from cms_core.content.listing import details
from cms_core.web.request import session, workspace

blueprint = Blueprint(
    "content_care_api",
    __name__,
    url_prefix="/api/v1",
    description="Content: history, former addresses, uses.",
)

REVISION = validate.Range(1, 2**31 - 1)


class RevisionShown(Document):
    """One state of an asset's words."""

    n = number()
    state = text()
    content_hash = text()
    author = text(null=True)
    created_at = instant()


class Change(Document):
    """What differs in one field."""

    field = text()
    before = text()
    after = text()
    runs = listing(fields.Dict(), "Stretches of words: gone, new or same.")


class Restored(Document):
    """A revision that has the words of an earlier one."""

    id = text()
    slug = text()
    revision = number()
    state = text()
    restored = number()


class FormerSlug(Document):
    """An address that an asset had."""

    slug = text()
    asset = text("What it is called now.")
    redirects = truth("Whether it leads there.")


class Uses(Document):
    """Who uses an asset, by kind."""

    entries = fields.List(fields.Dict())
    publications = fields.List(fields.Dict())


class Away(Document):
    """An asset that was put away or brought back."""

    id = text()
    slug = text()
    archived_at = instant(null=True)


class Two(Input):
    """Which revisions."""

    a = fields.Integer(required=True, validate=REVISION)
    b = fields.Integer(required=True, validate=REVISION)


class One(Input):
    """Which revision."""

    revision = fields.Integer(required=True, validate=REVISION)


class Leads(Input):
    """Whether a former address leads to its asset."""

    redirects = fields.Boolean(required=True)


class Undo(Input):
    """Whether to bring it back."""

    undo = fields.Boolean(load_default=False)


@blueprint.get("/content/<slug>/history")
@blueprint.call("content.read", "content history", answers=many_of(RevisionShown))
def history(slug: str) -> Response:
    """All revisions of an asset, the newest first."""
    return answer(details(session(), service.find(session(), slug))["revisions"])


@blueprint.get("/content/<slug>/compare")
@blueprint.call("content.read", "content compare", query=Two, answers=many_of(Change))
def differences(query: dict[str, Any], slug: str) -> Response:
    """What revision `b` says otherwise than revision `a`, word by word."""
    asset = service.find(session(), slug)
    found = compare.compare(
        session(), find_revision(session(), asset, query["a"]), find_revision(session(), asset, query["b"])
    )
    return answer([_change(each) for each in found])


@blueprint.post("/content/<slug>/restore")
@blueprint.call("content.edit", "content restore", body=One, answers=Restored)
def restore(body: dict[str, Any], slug: str) -> Response:
    """Make the words of a revision the newest again; they are a draft, and need approval."""
    asset, n = service.find(session(), slug), body["revision"]
    old = find_revision(session(), asset, n)
    new = service.restore(session(), workspace().plugins, asset, old, bearer().user)
    told = {"id": asset.public_id, "slug": slug, "revision": new.n, "state": str(new.state), "restored": n}
    return answer(told)


@blueprint.get("/content/<slug>/uses")
@blueprint.call("content.read", "content uses", answers=Uses)
def uses(slug: str) -> Response:
    """Who uses an asset: assets that lead to it, entries, publications."""
    return answer(board.uses(session(), workspace().plugins, service.find(session(), slug)))


@blueprint.post("/content/<slug>/archive")
@blueprint.call("content.edit", "content archive", body=Undo, answers=Away)
def archive(body: dict[str, Any], slug: str) -> Response:
    """Put an asset away that nothing uses, or bring it back."""
    asset = service.find(session(), slug)
    act = board.bring_back if body["undo"] else board.archive
    act(session(), workspace().plugins, asset, bearer().user)
    return answer({"id": asset.public_id, "slug": slug, "archived_at": asset.archived_at})


@blueprint.get("/redirects")
@blueprint.call("content.read", "content redirects", answers=many_of(FormerSlug))
def redirects() -> Response:
    """Former slugs, whether they lead to their asset, and what it is called now."""
    rows = renames.all_former_slugs(session())
    return answer([{"slug": row.slug, "asset": row.asset.slug, "redirects": row.redirects} for row in rows])


@blueprint.post("/redirects/<slug>")
@blueprint.call("content.edit", "content redirect", body=Leads, answers=FormerSlug)
def redirect(body: dict[str, Any], slug: str) -> Response:
    """Let a former slug lead to its asset, or to nothing."""
    former = renames.find(session(), slug)
    told = {"slug": slug, "asset": former.asset.slug, "redirects": body["redirects"]}
    (renames.accept if body["redirects"] else renames.remove)(session(), former)
    return answer(told)


def _change(change: compare.Change) -> dict[str, Any]:
    runs = [asdict(run) for run in change.runs]
    return {"field": change.field, "before": change.before, "after": change.after, "runs": runs}
