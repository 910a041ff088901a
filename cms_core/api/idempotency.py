"""``Idempotency-Key``: a POST that is sent again is answered again, and done once.

The key is written when the call opens its session, in the same transaction as what the call does. So a second call with the same
key waits for the first and is then given its answer; a call that fails, or a process that dies, leaves neither effect nor key, and
may be tried again. Kept for 24 hours per token. Another request under the same key is refused.
"""

import hashlib
import json
import re
from datetime import timedelta
from typing import Any

from flask import Flask, Response, abort, g, request
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from cms_core.api.access import bearer
from cms_core.auth.models import IdempotencyKey
from cms_core.db import now
from cms_core.dialect import insert_for
from cms_core.errors import CmsError, Invalid
from cms_core.web.request import session as request_session
from cms_core.web.request import workspace

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
KEPT_HEADERS = ("Content-Type", "ETag", "Location")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class BadKey(CmsError):
    """The header is none that can be kept."""

    status = 400


def init_idempotency(app: Flask) -> None:
    """Keep the answers of calls with a key, before their transaction is committed."""
    app.after_request(_keep)


def begin() -> None:
    """Take note of the key of this call, if it has one; the session writes it down when it is opened."""
    key = request.headers.get(HEADER)
    if key is None:
        return
    if not _KEY.fullmatch(key):
        raise BadKey(f"{HEADER} has 1 to 255 visible ASCII characters", "a random UUID will do")
    g.idempotency_key, g.idempotency_hash = key, _request_hash()
    g.session_opened = _reserve


def _reserve(session: Session) -> None:
    """Write the key down, or end the request with the answer that it was given before."""
    at = now(session)
    old = select(IdempotencyKey.id).where(IdempotencyKey.created_at < at - KEPT)
    old = old.with_for_update(skip_locked=True)  # another call that forgets them is not waited for
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.id.in_(old)))
    row = {"token_id": bearer().token_id, "key": g.idempotency_key, "request_hash": g.idempotency_hash}
    # Where another call has just written the same key, this waits until it is done.
    new = insert_for(session, IdempotencyKey).on_conflict_do_nothing().returning(IdempotencyKey.id)
    g.idempotency_id = session.scalar(new.values(**row, answer="", created_at=at))
    if g.idempotency_id is None:
        abort(_answered_before(session))


def _answered_before(session: Session) -> Response:
    found = session.scalars(select(IdempotencyKey).where(*_named())).one()
    if found.request_hash != g.idempotency_hash:
        raise Invalid(f"this {HEADER} was used for another request", "send a new key with a new request")
    told = json.loads(workspace().vault.decrypt(found.answer)["answer"])
    response = Response(told["body"], told["status"], told["headers"])
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _named() -> tuple[ColumnElement[bool], ...]:
    """SQL: the key of this call. By its id it could be another's: a call that rolls back sets its id free."""
    return IdempotencyKey.token_id == bearer().token_id, IdempotencyKey.key == g.idempotency_key


def _keep(response: Response) -> Response:
    if g.get("idempotency_id") is not None and response.status_code < 400:
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        told = {"status": response.status_code, "headers": headers, "body": response.get_data(as_text=True)}
        sealed = workspace().vault.encrypt({"answer": json.dumps(told)})
        request_session().execute(update(IdempotencyKey).where(*_named()).values(answer=sealed))
    return response


def _request_hash() -> str:
    """What was asked for: method, address and body; of a form its parts, for clients choose a new boundary each time."""
    digest = hashlib.sha256()
    parts: list[Any] = [request.method, request.full_path, request.mimetype]
    if request.mimetype == "multipart/form-data":
        parts += sorted((name or "", value) for name, value in request.form.items(multi=True))
        for name, file in request.files.items(multi=True):
            parts += [name, file.filename, hashlib.sha256(file.read()).hexdigest()]
            file.seek(0)
    else:
        parts.append(hashlib.sha256(request.get_data()).hexdigest())
    digest.update(json.dumps(parts).encode())
    return digest.hexdigest()
