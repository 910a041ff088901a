"""The part of the Mastodon sandbox that is no status: who asks, how often, and the files that were handed over."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cms_core.testing.network import Answer, Request
from cms_social import sandbox_statuses as show
from cms_social.sandbox_parts import Call, Now, Route, Routes, Upload, Window

KEY_LIFE = timedelta(hours=1)
REVOKED = "revoked"
CHARACTERS, MEDIA, BATCH = 500, 4, 20
VISIBILITIES = ("public", "unlisted", "private", "direct")
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"\0\0\0")
EPOCH = datetime.fromisoformat("2024-01-01T00:00:00Z")


class Failure(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, words: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.answer = Answer(status, {"error": words}, headers=headers or {})


class Instance:
    """A server without statuses. ``media`` are the files, by id; ``accounts`` those that have asked, by token."""

    def __init__(self, now: Now, processing: float, characters: int) -> None:
        self.now = now
        self.processing = timedelta(seconds=processing)
        self.characters = characters
        self.media: dict[str, dict[str, Any]] = {}
        self.accounts: dict[str, str] = {}
        self._windows: dict[tuple[str, str], Window] = {}
        self._count = 0
        self._host = "127.0.0.1"
        self._routes = Routes([*self._about(), *self._more()])

    def _more(self) -> list[Route]:
        """What a whole server answers besides."""
        return []

    def _about(self) -> list[Route]:
        return [
            ("GET", "/api/v1/instance", self._instance_v1),
            ("GET", "/api/v2/instance", self._instance),
            ("POST", "/api/v1/apps", self._app),
            ("POST", "/oauth/token", self._token),
            ("GET", "/api/v1/accounts/verify_credentials", self._me),
            ("GET", "/api/v1/accounts/{id}", self._account),
            ("POST", "/api/v2/media", self._upload),
            ("GET", "/api/v1/media/{id}", self._show_media),
        ]

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        call = Call.of(request)
        self._host = next(
            (value for name, value in request.headers.items() if name.lower() == "host"), self._host
        )
        handler = self._routes.find(call)
        try:
            self._limit(call)
            return handler(call) if handler else Answer(404, {"error": "Record not found"})
        except Failure as failure:
            return failure.answer
        except (ValueError, KeyError) as fault:
            return Answer(422, {"error": f"Validation failed: {fault}"})

    # --- who asks, and how often ------------------------------------------------------------------------------------

    def _limit(self, call: Call) -> None:
        for key, most, seconds in _limits(call):
            window = self._windows.setdefault((call.token, key), Window(most, seconds))
            if not window.take(self.now()):
                raise Failure(429, "Too many requests", _limit_headers(window))

    def _account_of(self, call: Call) -> str:
        if not call.token or call.token == REVOKED:
            raise Failure(401, "The access token is invalid")
        return self.accounts.setdefault(call.token, str(1000 + len(self.accounts)))

    def _app(self, call: Call) -> Answer:
        name = call.body().get("client_name", "")
        return Answer(
            200, {"id": "1", "name": name, "client_id": "id", "client_secret": "secret", "vapid_key": ""}
        )

    def _token(self, call: Call) -> Answer:
        words = call.body()
        token = hashlib.sha256(str(words.get("username") or words.get("code") or "any").encode()).hexdigest()
        made = int(self.now().timestamp())
        return Answer(
            200,
            {
                "access_token": token,
                "token_type": "Bearer",
                "scope": words.get("scope", "read write"),
                "created_at": made,
            },
        )

    def _me(self, call: Call) -> Answer:
        return Answer(200, show.account(self._base(), self._account_of(call)))

    def _account(self, call: Call) -> Answer:
        if call.names["id"] not in self.accounts.values():
            raise NOT_FOUND
        return Answer(200, show.account(self._base(), call.names["id"]))

    def _instance(self, call: Call) -> Answer:
        return Answer(200, show.instance(self._host, self.characters))

    def _instance_v1(self, call: Call) -> Answer:
        found = show.instance(self._host, self.characters)
        return Answer(200, {**found, "uri": self._host, "max_toot_chars": self.characters})

    def _base(self) -> str:
        return f"http://{self._host}"

    # --- files --------------------------------------------------------------------------------------------------------

    def _upload(self, call: Call) -> Answer:
        account, words = self._account_of(call), call.body()
        file = words.get("file")
        if not isinstance(file, Upload):
            raise Failure(422, "Validation failed: File can't be blank")
        made: dict[str, Any] = {
            "id": self._next_id(),
            "account": account,
            "at": self.now(),
            "mime": file.mime,
            "data": file.data,
        }
        made["description"] = words.get("description") or None
        self.media[made["id"]] = made
        return Answer(202 if self.processing else 200, self._media_document(made))

    def _show_media(self, call: Call) -> Answer:
        self._account_of(call)
        found = self.media.get(call.names["id"])
        if found is None:
            raise NOT_FOUND
        ready = self._ready(found)
        if ready and not found["data"].startswith(SIGNATURES):
            raise Failure(422, "Error processing thumbnail for uploaded media")
        return Answer(200 if ready else 206, self._media_document(found))

    def _ready(self, media: dict[str, Any]) -> bool:
        return bool(self.now() - media["at"] >= self.processing)

    def _media_document(self, media: dict[str, Any]) -> dict[str, Any]:
        return show.media(self._base(), media, self._ready(media))

    def _next_id(self) -> str:
        """Ids grow with time, as the server's do."""
        self._count += 1
        return str((int((self.now() - EPOCH).total_seconds() * 1000) << 16) + self._count)


NOT_FOUND = Failure(404, "Record not found")


def _limits(call: Call) -> list[tuple[str, int, int]]:
    """(Name, how many, in how many seconds) of the limits that a request counts for."""
    found = [("all", 300, 300)]
    if call.request.method == "POST" and call.path.endswith("/media"):
        found.append(("media", 30, 1800))
    if call.request.method == "DELETE":
        found.append(("deletes", 30, 1800))
    return found


def _limit_headers(window: Window) -> dict[str, str]:
    ends = window.ends.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "X-RateLimit-Limit": str(window.most),
        "X-RateLimit-Remaining": str(window.left),
        "X-RateLimit-Reset": ends,
    }
