"""The requests to a Bluesky server that this plugin makes, as the AT Protocol's lexicons document them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cms_core import Link, Media, NotConnected, OutcomeUnknown, Refused, Retryable
from cms_social.bluesky_session import Session, Sessions
from cms_social.models import Account

POSTS = "app.bsky.feed.post"
BATCH = 25  # posts that may be asked for at once
EXPIRED = ("ExpiredToken", "InvalidToken")
OUT = ("AccountTakedown", "AccountDeactivated", "AuthFactorTokenRequired", "AuthMissing")


class BlueskyApi:
    """One account."""

    def __init__(self, link: Link) -> None:
        self._http = link.http
        self._base = str(link.settings["service_url"]).rstrip("/")
        self._sessions = Sessions(link)
        self._signed_in: tuple[Account, Session] | None = None

    @property
    def session(self) -> Session:
        """Who is signed in; raises NotConnected when the password is not good."""
        if self._signed_in is None:
            self._signed_in = self._sessions.current()
        return self._signed_in[1]

    def who(self) -> dict[str, Any]:
        """The account as the server knows it: did, handle."""
        return self._get("com.atproto.server.getSession", {})

    def did_of(self, handle: str) -> str | None:
        """The account that a handle stands for, or None when there is none."""
        answer = self._call("GET", "com.atproto.identity.resolveHandle", {"handle": handle}, expect=(404,))
        found = _document(answer)
        return str(found["did"]) if answer.status == 200 and found.get("did") else None

    def upload(self, media: Media, data: bytes | None = None, mime: str = "") -> dict[str, Any]:
        """Hand a file over; returns the reference that a record needs."""
        body = Path(media.path).read_bytes() if data is None else data
        headers = {"Content-Type": mime or media.mime}
        answer = self._call(
            "POST", "com.atproto.repo.uploadBlob", data=body, headers=headers, idempotent=True
        )
        blob = self._checked(answer).get("blob")
        if not isinstance(blob, dict):
            raise Retryable("the server answered, but not with a reference to the file")
        return blob

    def put(self, rkey: str, record: Mapping[str, Any]) -> dict[str, str]:
        """Make a record public under a key of ours; the same record again changes nothing. Returns its uri and cid."""
        body = {"repo": self.session.did, "collection": POSTS, "rkey": rkey, "record": dict(record)}
        found = self._checked(self._call("POST", "com.atproto.repo.putRecord", json=body))
        if not found.get("uri") or not found.get("cid"):
            raise OutcomeUnknown("the server answered, but not with the address of a record")
        return {"uri": str(found["uri"]), "cid": str(found["cid"])}

    def find(self, rkey: str) -> dict[str, str] | None:
        """Uri and cid of a record, or None when there surely is none."""
        query = {"repo": self.session.did, "collection": POSTS, "rkey": rkey}
        answer = self._call("GET", "com.atproto.repo.getRecord", query)
        found = _document(answer)
        if answer.status == 400:
            if found.get("error") == "RecordNotFound":
                return None
            raise _refused(found)
        if not found.get("uri") or not found.get("cid"):
            raise Retryable("the server answered, but not with a record")
        return {"uri": str(found["uri"]), "cid": str(found["cid"])}

    def delete(self, rkey: str) -> None:
        """Take a record away; one that is not there is fine."""
        body = {"repo": self.session.did, "collection": POSTS, "rkey": rkey}
        self._checked(self._call("POST", "com.atproto.repo.deleteRecord", json=body, idempotent=True))

    def posts(self, uris: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Those of these posts that are there, with their numbers."""
        for first in range(0, len(uris), BATCH):
            query = [("uris", each) for each in uris[first : first + BATCH]]
            found = self._checked(self._call("GET", "app.bsky.feed.getPosts", query)).get("posts", [])
            yield from (each for each in found if isinstance(each, dict))

    def _get(self, method: str, query: Mapping[str, str]) -> dict[str, Any]:
        return self._checked(self._call("GET", method, query))

    def _call(
        self, verb: str, method: str, query: Any = None, *, expect: tuple[int, ...] = (), **more: Any
    ) -> Any:
        """One request in the account's name, once more where the token had come to its end: nothing was done then."""
        answer = self._request(verb, method, query, expect=expect, **more)
        if answer.status in (400, 401) and _document(answer).get("error") in EXPIRED and self._signed_in:
            self._signed_in = self._sessions.renewed(self._signed_in[0])
            answer = self._request(verb, method, query, expect=expect, **more)
        if answer.status == 401:
            raise NotConnected(_words(_document(answer)))
        return answer

    def _request(self, verb: str, method: str, query: Any, *, expect: tuple[int, ...], **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.session.access}", **more.pop("headers", {})}
        url = f"{self._base}/xrpc/{method}" + (f"?{urlencode(query)}" if query else "")
        return self._http.request(verb, url, headers=headers, expect=(400, 401, *expect), **more)

    def _checked(self, answer: Any) -> dict[str, Any]:
        found = _document(answer)
        if answer.status >= 400:
            raise _refused(found)
        return found


def _document(answer: Any) -> dict[str, Any]:
    found = answer.json() if answer.content else {}
    return found if isinstance(found, dict) else {}


def _refused(found: Mapping[str, Any]) -> NotConnected | Refused:
    return (NotConnected if found.get("error") in OUT else Refused)(_words(found))


def _words(found: Mapping[str, Any]) -> str:
    """The server's own words."""
    words = str(found.get("message") or found.get("error") or "the server refused without a word")
    return "".join(each if each.isprintable() else " " for each in words[:300])
