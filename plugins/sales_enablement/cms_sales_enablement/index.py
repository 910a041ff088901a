"""Keeps the index of the library true to what is approved: compares versions, and reads again only what differs.

Approving, archiving, tagging and renaming all change an asset's version, so there is nothing to subscribe to and nothing to miss.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cms_core import Asset, CmsError, JobContext, Services
from cms_sales_enablement import presentations, slide_facets, slide_search, words
from cms_sales_enablement.models import Document, DocumentTag, Posting

log = logging.getLogger(__name__)

BATCH = 100
KEPT_TEXT = 20_000  # characters, for excerpts


def catch_up(svc: Services) -> int:
    """Index what was approved or changed, forget what may not be used any more; returns how many documents changed."""
    wanted = svc.approved_versions()
    with svc.session() as session:
        known = {row.asset: row.version for row in session.execute(select(Document.asset, Document.version))}
    stale = [asset for asset, version in wanted.items() if known.get(asset) != version]
    gone = [asset for asset in known if asset not in wanted]
    for batch in _batches(stale):
        _store(svc, [_readable(svc, each) for each in svc.assets(batch)], wanted)
    for batch in _batches(gone):
        with svc.transaction() as session:
            _forget(session, batch)
    return len(stale) + len(gone)


def run(ctx: JobContext) -> None:
    """The same as a job, so that a large import is indexed before somebody searches."""
    catch_up(ctx.services)


def _readable(svc: Services, asset: Asset) -> Asset:
    """An asset with all of its words: those of a presentation stand on its slides, which are searched one by one, too."""
    if asset.kind != presentations.KIND:
        return asset
    try:
        kept = presentations.of_asset(svc, asset)
    except CmsError as error:
        log.warning("the words of %s cannot be read: %s", asset.slug, error)
        return asset
    with svc.transaction() as session:
        slide_search.keep_words(session, kept.presentation)
    return replace(asset, body={**asset.body, "text": presentations.text_of(kept), "file": ""})


def _store(svc: Services, assets: Sequence[Asset], versions: dict[str, str]) -> None:
    try:
        with svc.transaction() as session:
            _forget(session, [asset.id for asset in assets])
            documents = [_document(asset, versions[asset.id]) for asset in assets]
            session.add_all(documents)
            session.flush()
            pairs = list(zip(documents, assets, strict=True))
            _add(session, DocumentTag, [_tag(found, name) for found, asset in pairs for name in asset.tags])
            _add(session, Posting, [row for found, asset in pairs for row in _postings(found, asset)])
    except IntegrityError:  # another process has indexed the same assets at this moment
        return


def _document(asset: Asset, version: str) -> Document:
    return Document(
        asset=asset.id,
        version=version,
        slug=asset.slug,
        revision=asset.revision,
        kind=asset.kind,
        title=asset.title,
        summary=asset.summary,
        text=words.plain_text(asset)[:KEPT_TEXT],
        funnel_stage=asset.funnel_stage,
        persona=asset.persona,
        locale=asset.locale,
        industry=_line(asset, "industry"),
        product=_line(asset, "product"),
        file=presentations.sha256_of(asset),
        updated_at=asset.updated_at,
    )


def _line(asset: Asset, name: str) -> str:
    return str(asset.body.get(name) or "")[: slide_facets.LONGEST]


def _tag(document: Document, name: str) -> dict[str, object]:
    return {"document_id": document.id, "name": name}


def _postings(document: Document, asset: Asset) -> Iterator[dict[str, object]]:
    for term, weight in words.weights(asset).items():
        yield {"term": term, "document_id": document.id, "weight": weight}


def _add(session: Session, model: type[DocumentTag | Posting], rows: list[dict[str, object]]) -> None:
    if rows:
        session.execute(insert(model), rows)


def _forget(session: Session, assets: Sequence[str]) -> None:
    session.execute(delete(Document).where(Document.asset.in_(assets)))


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch
