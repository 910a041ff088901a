"""A Mastodon server on loopback: the part of the API of 4.3 that publishing needs, with its limits, errors and keys.

Any access token is an account, but for ``revoked``. Files are processed for a while after the upload; a status can only show those
that are ready. An Idempotency-Key is remembered for an hour.
"""

from datetime import datetime, timedelta
from typing import Any

from cms_core.testing.network import Answer
from cms_social import sandbox_statuses as show
from cms_social.counting import graphemes, mastodon_length
from cms_social.sandbox_instance import CHARACTERS, NOT_FOUND, Failure, Instance
from cms_social.sandbox_parts import Call, Now, Route, engagement, page, real_now

KEY_LIFE = timedelta(hours=1)
MEDIA, BATCH = 4, 20
VISIBILITIES = ("public", "unlisted", "private", "direct")


class Mastodon(Instance):
    """The server; give it to a FakeNetwork. ``statuses`` is what is public, by id."""

    operations = {
        "test": ("GET /api/v1/accounts/verify_credentials",),
        "upload": ("POST /api/v2/media",),
        "publish": ("POST /api/v1/statuses",),
        "update": ("PUT /api/v1/statuses/",),
        "withdraw": ("DELETE /api/v1/statuses/",),
        "reconcile": ("GET /api/v1/accounts/",),
        "measure": ("GET /api/v1/statuses?",),
    }
    settings = {"base_url": "{url}", "access_token": "any"}

    def __init__(self, now: Now = real_now, *, processing: float = 1.0, characters: int = CHARACTERS) -> None:
        super().__init__(now, processing, characters)
        self.statuses: dict[str, dict[str, Any]] = {}
        self._keys: dict[tuple[str, str], tuple[str, datetime]] = {}

    def _more(self) -> list[Route]:
        return [
            ("*", "/", self._front),
            ("GET", "/@{name}/{id}", self._front),
            ("GET", "/api/v1/accounts/{id}/statuses", self._of_account),
            ("GET", "/api/v1/timelines/{name}", self._timeline),
            ("POST", "/api/v1/statuses", self._post),
            ("GET", "/api/v1/statuses", self._many),
            ("GET", "/api/v1/statuses/{id}", self._show),
            ("GET", "/api/v1/statuses/{id}/source", self._source),
            ("GET", "/api/v1/statuses/{id}/context", self._context),
            ("PUT", "/api/v1/statuses/{id}", self._edit),
            ("DELETE", "/api/v1/statuses/{id}", self._delete),
        ]

    # --- statuses -----------------------------------------------------------------------------------------------------

    def _post(self, call: Call) -> Answer:
        account, words = self._account_of(call), call.body()
        key = next((v for k, v in call.request.headers.items() if k.lower() == "idempotency-key"), "")
        known = self._keys.get((account, key))
        if key and known and self.now() - known[1] < KEY_LIFE:
            if known[0] not in self.statuses:
                raise NOT_FOUND
            return Answer(200, self._document(known[0]))
        status = {
            "id": self._next_id(),
            "account": account,
            "at": self.now(),
            "edited": None,
            **self._checked(words),
        }
        status["visibility"] = words.get("visibility") or "public"
        status["in_reply_to_id"] = words.get("in_reply_to_id") or None
        if status["visibility"] not in VISIBILITIES:
            raise Failure(422, "Validation failed: Visibility is not included in the list")
        if status["in_reply_to_id"] and status["in_reply_to_id"] not in self.statuses:
            raise Failure(404, "The post you are trying to reply to does not appear to exist.")
        self.statuses[status["id"]] = status
        if key:
            self._keys[account, key] = (status["id"], self.now())
        return Answer(200, self._document(status["id"]))

    def _edit(self, call: Call) -> Answer:
        status, words = self._own(call), call.body()
        changed = self._checked(words)
        if any(status[name] != value for name, value in changed.items()):
            status.update(changed, edited=self.now())
        return Answer(200, self._document(status["id"]))

    def _delete(self, call: Call) -> Answer:
        status = self._own(call)
        gone = self._document(status["id"]) | {"text": status["text"]}
        del self.statuses[status["id"]]
        return Answer(200, gone)

    def _checked(self, words: dict[str, Any]) -> dict[str, Any]:
        """What a status says; raises Failure as the server does."""
        text, warning = str(words.get("status") or ""), str(words.get("spoiler_text") or "")
        media = [str(each) for each in words.get("media_ids") or []]
        if not text.strip() and not media:
            raise Failure(422, "Validation failed: Text can't be blank")
        if mastodon_length(text) + graphemes(warning) > self.characters:
            raise Failure(422, f"Validation failed: Text character limit of {self.characters} exceeded")
        if len(media) > MEDIA:
            raise Failure(422, f"Cannot attach more than {MEDIA} files")
        if any(each not in self.media for each in media):
            raise Failure(422, "Validation failed: Media could not be found")
        if any(not self._ready(self.media[each]) for each in media):
            raise Failure(
                422, "Cannot attach files that have not finished processing. Try again in a moment!"
            )
        sensitive = str(words.get("sensitive") or "").lower() in ("true", "1", "on")
        language = words.get("language") or None
        return {
            "text": text,
            "spoiler_text": warning,
            "media": media,
            "sensitive": sensitive,
            "language": language,
        }

    def _own(self, call: Call) -> dict[str, Any]:
        account = self._account_of(call)
        status = self.statuses.get(call.names["id"])
        if status is None or status["account"] != account:
            raise NOT_FOUND
        return status

    def _show(self, call: Call) -> Answer:
        if call.names["id"] not in self.statuses:
            raise NOT_FOUND
        return Answer(200, self._document(call.names["id"]))

    def _many(self, call: Call) -> Answer:
        wanted = call.query.get("id[]", [])
        if len(wanted) > BATCH:
            raise Failure(422, "Too many IDs")
        return Answer(200, [self._document(each) for each in dict.fromkeys(wanted) if each in self.statuses])

    def _source(self, call: Call) -> Answer:
        status = self._own(call)
        return Answer(200, {name: status[name] for name in ("id", "text", "spoiler_text")})

    def _context(self, call: Call) -> Answer:
        before: list[str] = []
        after: list[str] = []
        status = self.statuses.get(call.names["id"])
        while status and status["in_reply_to_id"]:
            before.insert(0, status["in_reply_to_id"])
            status = self.statuses.get(status["in_reply_to_id"])
        below = {call.names["id"]}
        for each in self.statuses.values():
            if each["in_reply_to_id"] in below:
                below.add(each["id"])
                after.append(each["id"])
        known = [each for each in before if each in self.statuses]
        return Answer(
            200, {"ancestors": [*map(self._document, known)], "descendants": [*map(self._document, after)]}
        )

    def _of_account(self, call: Call) -> Answer:
        return Answer(200, self._listed(call, [*self._ids(call.names["id"])]))

    def _timeline(self, call: Call) -> Answer:
        return Answer(200, self._listed(call, [*self._ids(None)]))

    def _ids(self, account: str | None) -> list[str]:
        return [key for key, each in self.statuses.items() if account in (None, each["account"])]

    def _listed(self, call: Call, ids: list[str]) -> list[dict[str, Any]]:
        """A page, newest first: after ``min_id`` the oldest ones, before ``max_id`` and after ``since_id`` the newest."""
        low, high, size = (
            call.one("min_id") or call.one("since_id"),
            call.one("max_id"),
            int(call.one("limit", "20")),
        )
        rows = [
            each for each in ids if (not low or int(each) > int(low)) and (not high or int(each) < int(high))
        ]
        page_of = rows[: min(size, 40)] if call.one("min_id") else rows[-min(size, 40) :]
        return [self._document(each) for each in reversed(page_of)]

    def _document(self, status_id: str) -> dict[str, Any]:
        status = self.statuses[status_id]
        files = [self._media_document(self.media[each]) for each in status["media"]]
        replies = sum(each["in_reply_to_id"] == status_id for each in self.statuses.values())
        counts = engagement(status["at"], self.now())
        counts["replies"] += replies
        return show.status(self._base(), status, files, counts)

    def _front(self, call: Call) -> Answer:
        rows = [
            (f"@{show.name_of(e['account'])}", e["at"].isoformat(), e["text"]) for e in self.statuses.values()
        ]
        return page("Mastodon sandbox", list(reversed(rows)))
