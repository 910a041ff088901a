"""The requests to a Mastodon server that this plugin makes, as its API documents them (docs.joinmastodon.org, 4.x)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from urllib3 import encode_multipart_formdata

from cms_core import Link, Media, OutcomeUnknown, Retryable
from cms_social.counting import URL_LENGTH
from cms_social.schemas import DEFAULT_CHARACTERS

MOST_MEDIA = 4
LONGEST_ALT = 1500
BATCH = 20  # statuses that may be asked for at once
PAGE = 40
NOT_THERE = (404, 410)


@dataclass(frozen=True)
class Limits:
    """What a server takes."""

    characters: int = DEFAULT_CHARACTERS
    media: int = MOST_MEDIA
    url_length: int = URL_LENGTH


class MastodonApi:
    """One account on one server."""

    def __init__(self, link: Link) -> None:
        self._http = link.http
        self._base = str(link.settings["base_url"]).rstrip("/")
        self._headers = {"Authorization": f"Bearer {link.secrets.get('access_token', '')}"}

    def me(self) -> dict[str, Any]:
        """The account; raises NotConnected when the token is not good."""
        return self._document(self._ask("GET", "/api/v1/accounts/verify_credentials"))

    def limits(self) -> Limits:
        """The server's limits; those of Mastodon where it says none."""
        answer = self._ask("GET", "/api/v2/instance", expect=NOT_THERE)
        if answer.status in NOT_THERE:
            answer = self._ask("GET", "/api/v1/instance", expect=NOT_THERE)
        document = answer.json() if answer.status not in NOT_THERE else {}
        statuses = _mapping(_mapping(_mapping(document).get("configuration")).get("statuses"))
        return Limits(
            _number(statuses.get("max_characters"), DEFAULT_CHARACTERS),
            _number(statuses.get("max_media_attachments"), MOST_MEDIA),
            _number(statuses.get("characters_reserved_per_url"), URL_LENGTH),
        )

    def upload(self, media: Media) -> str:
        """Hand a file over with its alternative text; returns its id. The server may still be working on it."""
        content = Path(media.path).read_bytes()
        parts: list[tuple[str, Any]] = [("file", (media.filename, content, media.mime))]
        parts.append(("description", media.alt[:LONGEST_ALT]))
        body, kind = encode_multipart_formdata(parts)
        answer = self._ask("POST", "/api/v2/media", data=body, headers={"Content-Type": kind})
        return str(self._document(answer)["id"])

    def is_ready(self, media_id: str) -> bool:
        """Whether a file can be posted; raises Refused when the server could not make anything of it."""
        return bool(self._ask("GET", f"/api/v1/media/{quote(media_id, safe='')}").status == 200)

    def post(self, status: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Make a status public; the same key within an hour is the same status."""
        headers = {"Idempotency-Key": key}
        return self._document(self._ask("POST", "/api/v1/statuses", json=dict(status), headers=headers))

    def edit(self, status_id: str, status: Mapping[str, Any]) -> dict[str, Any]:
        """Put other words into a status; the same words change nothing."""
        path = f"/api/v1/statuses/{quote(status_id, safe='')}"
        return self._document(self._ask("PUT", path, json=dict(status)))

    def delete(self, status_id: str) -> None:
        """Take a status away; one that is not there is fine."""
        path = f"/api/v1/statuses/{quote(status_id, safe='')}"
        self._ask("DELETE", path, idempotent=True, expect=NOT_THERE)

    def newest(self, account: str) -> str:
        """The id of the account's newest status, or ""."""
        found = self._list(f"/api/v1/accounts/{quote(account, safe='')}/statuses", {"limit": "1"})
        return str(found[0]["id"]) if found else ""

    def after(self, account: str, status_id: str) -> list[dict[str, Any]]:
        """The account's own statuses after that one, the oldest of them, at most 40."""
        query = {"limit": str(PAGE), "exclude_reblogs": "true", "min_id": status_id or "0"}
        return self._list(f"/api/v1/accounts/{quote(account, safe='')}/statuses", query)

    def source(self, status_id: str) -> str | None:
        """The text of a status as it was typed, or None when it is gone."""
        path = f"/api/v1/statuses/{quote(status_id, safe='')}/source"
        answer = self._ask("GET", path, expect=NOT_THERE)
        return None if answer.status in NOT_THERE else str(_mapping(answer.json()).get("text", ""))

    def statuses(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those of these statuses that are there; one by one where the server cannot give many at once (before 4.3)."""
        query = urlencode([("id[]", each) for each in ids])
        answer = self._ask("GET", f"/api/v1/statuses?{query}", expect=(*NOT_THERE, 405))
        if answer.status == 200:
            return _rows(answer.json())
        single = [
            self._ask("GET", f"/api/v1/statuses/{quote(each, safe='')}", expect=NOT_THERE) for each in ids
        ]
        return [_mapping(each.json()) for each in single if each.status == 200]

    def _list(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        return _rows(self._ask("GET", f"{path}?{urlencode(query)}").json())

    def _ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Any:
        return self._http.request(
            method, self._base + path, headers={**self._headers, **(headers or {})}, **more
        )

    def _document(self, answer: Any) -> dict[str, Any]:
        """An object with an id: whatever else comes with 200 says nothing about what became of the request."""
        found = answer.json()
        if isinstance(found, dict) and isinstance(found.get("id"), str | int):
            return found
        raise OutcomeUnknown("the server answered, but not with what was asked for")


def _rows(found: Any) -> list[dict[str, Any]]:
    """A list of objects that have ids; an answer that is something else is no answer yet."""
    rows = found if isinstance(found, list) else None
    if rows is None or not all(isinstance(each, dict) and "id" in each for each in rows):
        raise Retryable("the server answered, but not with a list of statuses")
    return rows


def _mapping(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _number(found: Any, default: int) -> int:
    return found if isinstance(found, int) and found > 0 else default
