"""A Bluesky server on loopback: sessions, records, blobs and the views that publishing needs, with the limits of the lexicons.

Any handle signs in with any password but ``wrong``. Access tokens live two hours; a refresh token is good once. Identifiers of
content (cid) have the right form and are the same for the same record, but are hashes of JSON, not of DAG-CBOR.
"""

import json
from collections.abc import Mapping
from typing import Any

from cms_core.testing.network import Answer
from cms_social import sandbox_lexicon as lexicon
from cms_social.sandbox_parts import Call, Now, Route, engagement, page, real_now
from cms_social.sandbox_sessions import Accounts

POINTS = {"create": 3, "update": 2, "delete": 1}
BATCH = 25


class Bluesky(Accounts):
    """The server; give it to a FakeNetwork. ``records`` is what is public: by did, collection and key."""

    operations = {
        "login": ("POST /xrpc/com.atproto.server.createSession",),
        "refresh": ("POST /xrpc/com.atproto.server.refreshSession",),
        "test": ("GET /xrpc/com.atproto.server.getSession",),
        "upload": ("POST /xrpc/com.atproto.repo.uploadBlob",),
        "publish": ("POST /xrpc/com.atproto.repo.putRecord", "POST /xrpc/com.atproto.repo.createRecord"),
        "withdraw": ("POST /xrpc/com.atproto.repo.deleteRecord",),
        "reconcile": ("GET /xrpc/com.atproto.repo.getRecord",),
        "measure": ("GET /xrpc/app.bsky.feed.getPosts",),
    }
    settings = {"service_url": "{url}", "handle": "acme.test", "app_password": "any"}

    def __init__(self, now: Now = real_now) -> None:
        super().__init__(now)
        self.records: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.blobs: dict[str, tuple[str, bytes]] = {}

    def _more(self) -> list[Route]:
        return [
            ("GET", "/", self._front),
            ("POST", "/xrpc/com.atproto.repo.uploadBlob", self._upload),
            ("POST", "/xrpc/com.atproto.repo.createRecord", self._create_record),
            ("POST", "/xrpc/com.atproto.repo.putRecord", self._put_record),
            ("POST", "/xrpc/com.atproto.repo.deleteRecord", self._delete_record),
            ("GET", "/xrpc/com.atproto.repo.getRecord", self._get_record),
            ("GET", "/xrpc/com.atproto.repo.listRecords", self._list_records),
            ("GET", "/xrpc/com.atproto.sync.getBlob", self._get_blob),
            ("GET", "/xrpc/app.bsky.feed.getPosts", self._get_posts),
            ("GET", "/xrpc/app.bsky.feed.getAuthorFeed", self._feed),
            ("GET", "/xrpc/app.bsky.feed.getTimeline", self._feed),
            ("GET", "/xrpc/app.bsky.actor.getProfile", self._profile),
        ]

    # --- records ------------------------------------------------------------------------------------------------------

    def _upload(self, call: Call) -> Answer:
        self._token(call)
        data = call.request.body
        kind = next((v for k, v in call.request.headers.items() if k.lower() == "content-type"), "*/*")
        if len(data) > 50_000_000:
            raise lexicon.Failure("PayloadTooLarge", "request entity too large", 413)
        cid = lexicon.cid(data, codec=0x55)
        self.blobs[cid] = (kind, data)
        return Answer(
            200, {"blob": {"$type": "blob", "ref": {"$link": cid}, "mimeType": kind, "size": len(data)}}
        )

    def _create_record(self, call: Call) -> Answer:
        words = call.body()
        key = self._key(call, words, words.get("rkey") or lexicon.next_tid(self.now()))
        if key in self.records:
            raise lexicon.Failure("InvalidRequest", f"There is already a value at key: {key[1]}/{key[2]}")
        return self._write(key, words["record"], "create")

    def _put_record(self, call: Call) -> Answer:
        words = call.body()
        key = self._key(call, words, words["rkey"])
        return self._write(key, words["record"], "update" if key in self.records else "create")

    def _delete_record(self, call: Call) -> Answer:
        words = call.body()
        key = self._key(call, words, words["rkey"])
        self._take("points", key[0], 5000, 3600, POINTS["delete"])
        self.records.pop(key, None)
        return Answer(200, {"commit": {"cid": lexicon.cid(b"commit"), "rev": lexicon.next_tid(self.now())}})

    def _write(self, key: tuple[str, str, str], record: Mapping[str, Any], action: str) -> Answer:
        lexicon.check(key, record, self.blobs)
        found = dict(record)
        cid = lexicon.cid(json.dumps(found, sort_keys=True).encode())
        if key not in self.records or self.records[key]["cid"] != cid:
            self._take("points", key[0], 5000, 3600, POINTS[action])
            at = self.records[key]["at"] if key in self.records else self.now()
            self.records[key] = {"uri": lexicon.uri(key), "cid": cid, "value": found, "at": at}
        return Answer(200, {"uri": lexicon.uri(key), "cid": cid, "validationStatus": "valid"})

    def _key(self, call: Call, words: Mapping[str, Any], rkey: str) -> tuple[str, str, str]:
        token, repo = self._token(call), str(words["repo"])
        did = repo if repo.startswith("did:") else self.did_of(repo)
        if did != token["did"]:
            raise lexicon.Failure("InvalidRequest", "Could not find repo or it is not yours", 400)
        return did, str(words["collection"]), str(rkey)

    def _get_record(self, call: Call) -> Answer:
        repo = call.one("repo")
        did = repo if repo.startswith("did:") else self.did_of(repo)
        key = (did, call.one("collection"), call.one("rkey"))
        if key not in self.records:
            raise lexicon.Failure("RecordNotFound", f"Could not locate record: {lexicon.uri(key)}")
        return Answer(200, {name: self.records[key][name] for name in ("uri", "cid", "value")})

    def _list_records(self, call: Call) -> Answer:
        repo, collection = call.one("repo"), call.one("collection")
        did = repo if repo.startswith("did:") else self.did_of(repo)
        keys = sorted((key for key in self.records if key[:2] == (did, collection)), reverse=True)
        rows = [{name: self.records[key][name] for name in ("uri", "cid", "value")} for key in keys]
        return Answer(200, {"records": rows[: int(call.one("limit", "50"))]})

    def _get_blob(self, call: Call) -> Answer:
        if call.one("cid") not in self.blobs:
            raise lexicon.Failure("BlobNotFound", "Blob not found")
        kind, data = self.blobs[call.one("cid")]
        return Answer(200, body=data, headers={"Content-Type": kind})

    # --- views --------------------------------------------------------------------------------------------------------

    def _get_posts(self, call: Call) -> Answer:
        wanted = call.query.get("uris", [])
        if len(wanted) > BATCH:
            raise lexicon.Failure("InvalidRequest", f"Error: uris must not have more than {BATCH} elements")
        known = {row["uri"]: row for row in self.records.values()}
        return Answer(
            200, {"posts": [self._view(known[uri]) for uri in dict.fromkeys(wanted) if uri in known]}
        )

    def _feed(self, call: Call) -> Answer:
        rows = [row for key, row in self.records.items() if key[1] == lexicon.POSTS]
        actor = call.one("actor")
        if actor:
            did = actor if actor.startswith("did:") else self.did_of(actor)
            rows = [row for row in rows if row["uri"].startswith(f"at://{did}/")]
        return Answer(
            200,
            {"feed": [{"post": self._view(row)} for row in reversed(rows)][: int(call.one("limit", "50"))]},
        )

    def _profile(self, call: Call) -> Answer:
        actor = call.one("actor")
        did = actor if actor.startswith("did:") else self.did_of(actor)
        return Answer(200, {**self._author(did), "postsCount": sum(key[0] == did for key in self.records)})

    def _view(self, row: Mapping[str, Any]) -> dict[str, Any]:
        counts = engagement(row["at"], self.now())
        counts["replies"] += sum(
            each["value"].get("reply", {}).get("parent", {}).get("uri") == row["uri"]
            for each in self.records.values()
        )
        return lexicon.view(row, self._author(row["uri"].split("/")[2]), counts)

    def _author(self, did: str) -> dict[str, Any]:
        return {"did": did, "handle": self._handle(did), "displayName": "Sandbox"}

    def _front(self, call: Call) -> Answer:
        rows = [
            (f"@{self._handle(key[0])}", row["value"].get("createdAt", ""), row["value"].get("text", ""))
            for key, row in self.records.items()
        ]
        return page("Bluesky sandbox", list(reversed(rows)))
