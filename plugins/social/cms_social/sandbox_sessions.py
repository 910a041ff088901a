"""The part of the Bluesky sandbox that is no record: sessions, handles, and how often somebody may ask."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

from cms_core.testing.network import Answer, Request
from cms_social import sandbox_lexicon as lexicon
from cms_social.sandbox_parts import Call, Now, Route, Routes, Window

ACCESS_LIFE, REFRESH_LIFE = timedelta(hours=2), timedelta(days=90)
WRONG = "wrong"


class Accounts:
    """A server without records. ``handles`` are the accounts, by handle; ``logins`` counts the sessions that were made."""

    def __init__(self, now: Now) -> None:
        self.now = now
        self.handles: dict[str, str] = {}
        self.logins = 0
        self._tokens: dict[str, dict[str, Any]] = {}
        self._windows: dict[tuple[str, str], Window] = {}
        self._count = 0
        self._host = "127.0.0.1"
        self._routes = Routes([*self._about(), *self._more()])

    def _more(self) -> list[Route]:
        """What a whole server answers besides."""
        return []

    def _about(self) -> list[Route]:
        return [
            ("POST", "/xrpc/com.atproto.server.createSession", self._create_session),
            ("POST", "/xrpc/com.atproto.server.refreshSession", self._refresh_session),
            ("POST", "/xrpc/com.atproto.server.deleteSession", self._delete_session),
            ("GET", "/xrpc/com.atproto.server.getSession", self._get_session),
            ("GET", "/xrpc/com.atproto.server.describeServer", self._describe),
            ("GET", "/xrpc/com.atproto.identity.resolveHandle", self._resolve),
        ]

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        call = Call.of(request)
        self._host = next((v for k, v in request.headers.items() if k.lower() == "host"), self._host)
        handler = self._routes.find(call)
        try:
            if handler is None:
                raise lexicon.Failure("MethodNotImplemented", "Method Not Implemented", 501)
            self._take("requests", call.token, 3000, 300)
            return handler(call)
        except lexicon.Failure as failure:
            return failure.answer
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            return lexicon.Failure("InvalidRequest", f"Invalid request: {fault}").answer

    # --- sessions -----------------------------------------------------------------------------------------------------

    def did_of(self, handle: str) -> str:
        """The account of a handle, which is there from the moment that somebody asks for it."""
        name = handle.lower()
        letters = base64.b32encode(hashlib.sha256(name.encode()).digest()).decode().lower()[:24]
        return self.handles.setdefault(name, f"did:plc:{letters}")

    def _create_session(self, call: Call) -> Answer:
        words = call.body()
        handle, password = str(words["identifier"]), str(words["password"])
        self._take("logins", handle, 30, 300)
        self.logins += 1
        if not password or password == WRONG:
            raise lexicon.Failure("AuthenticationRequired", "Invalid identifier or password", 401)
        return self._session(handle if not handle.startswith("did:") else self._handle(handle))

    def _refresh_session(self, call: Call) -> Answer:
        token = self._token(call, "refresh")
        del self._tokens[call.token]
        return self._session(token["handle"])

    def _delete_session(self, call: Call) -> Answer:
        self._tokens.pop(call.token, None)
        return Answer(200, body=b"")

    def _get_session(self, call: Call) -> Answer:
        token = self._token(call)
        return Answer(
            200, {"handle": token["handle"], "did": token["did"], "active": True, "emailConfirmed": True}
        )

    def _session(self, handle: str) -> Answer:
        did = self.did_of(handle)
        made = {"did": did, "handle": handle.lower(), "active": True}
        made["accessJwt"] = self._make_token(handle, did, "access", ACCESS_LIFE)
        made["refreshJwt"] = self._make_token(handle, did, "refresh", REFRESH_LIFE)
        return Answer(200, made)

    def _make_token(self, handle: str, did: str, scope: str, life: timedelta) -> str:
        self._count += 1
        ends = self.now() + life
        claims: dict[str, Any] = {"scope": f"com.atproto.{scope}", "sub": did, "jti": str(self._count)}
        claims |= {"iat": int(self.now().timestamp()), "exp": int(ends.timestamp())}
        parts = [json.dumps(each).encode() for each in ({"typ": "at+jwt", "alg": "HS256"}, claims)]
        token = ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in (*parts, b"sandbox"))
        self._tokens[token] = {"handle": handle.lower(), "did": did, "scope": scope, "ends": ends}
        return token

    def _token(self, call: Call, scope: str = "access") -> dict[str, Any]:
        if not call.token:
            raise lexicon.Failure("AuthMissing", "Authentication Required", 401)
        token = self._tokens.get(call.token)
        if token is None or token["scope"] != scope:
            raise lexicon.Failure(
                "ExpiredToken" if scope == "refresh" else "InvalidToken", "Token could not be verified"
            )
        if self.now() >= token["ends"]:
            raise lexicon.Failure("ExpiredToken", "Token has expired")
        return token

    def _take(self, name: str, whose: str, most: int, seconds: int, points: int = 1) -> None:
        window = self._windows.setdefault((name, whose), Window(most, seconds))
        if not window.take(self.now(), points):
            headers = {
                "RateLimit-Limit": str(most),
                "RateLimit-Remaining": "0",
                "RateLimit-Policy": f"{most};w={seconds}",
            }
            headers["RateLimit-Reset"] = str(int(window.ends.timestamp()))
            raise lexicon.Failure("RateLimitExceeded", "Rate Limit Exceeded", 429, headers)

    def _describe(self, call: Call) -> Answer:
        return Answer(
            200, {"did": "did:web:sandbox", "availableUserDomains": [".test"], "inviteCodeRequired": False}
        )

    def _resolve(self, call: Call) -> Answer:
        handle = call.one("handle").lower()
        if handle not in self.handles:
            raise lexicon.Failure("HandleNotFound", "Unable to resolve handle")
        return Answer(200, {"did": self.handles[handle]})

    def _handle(self, did: str) -> str:
        return next((handle for handle, known in self.handles.items() if known == did), "handle.invalid")
