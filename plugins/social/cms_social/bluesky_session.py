"""The session of a Bluesky account: made once, shared by all workers, renewed by one of them.

A server allows about thirty logins in five minutes and three hundred a day, so the tokens are kept, sealed, in this plugin's table.
Who finds them expired takes the right to renew them for a while; the others wait for what comes of it.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cms_core import Link, NotConnected, Refused, Retryable
from cms_social import store
from cms_social.models import Account

CHANNEL = "bluesky"
RENEWAL = 90  # seconds that one renewal may take
STEP = 0.1
CREATE, REFRESH = "com.atproto.server.createSession", "com.atproto.server.refreshSession"


@dataclass(frozen=True)
class Session:
    """Who is signed in, and the tokens; they belong to one server, handle and password."""

    did: str
    handle: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)


class Sessions:
    """The sessions of one connection."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._base = str(link.settings["service_url"]).rstrip("/")
        self._owner = json.dumps([self._base, link.settings["handle"], link.secrets.get("app_password", "")])

    def current(self) -> tuple[Account, Session]:
        """The session that is kept, or a new one."""
        row = store.account(self._link, CHANNEL)
        kept = self._kept(row)
        return (row, kept) if kept else self.renewed(row)

    def renewed(self, seen: Account) -> tuple[Account, Session]:
        """A session newer than the one ``seen``: renewed here, or meanwhile by somebody else."""
        deadline = time.monotonic() + RENEWAL
        while time.monotonic() < deadline:
            if store.begin_renewal(self._link, seen, RENEWAL):
                self._renew(seen)
            row = store.account(self._link, CHANNEL)
            kept = self._kept(row)
            if row.session_no != seen.session_no and kept:
                return row, kept
            seen = row if row.session_no != seen.session_no else seen
            time.sleep(STEP)
        raise Retryable("another worker is still signing in", timedelta(seconds=RENEWAL))

    def _renew(self, seen: Account) -> None:
        sealed = None
        try:
            sealed = self._sealed(self._refreshed(self._kept(seen)) or self._created())
        finally:
            store.end_renewal(self._link, seen, sealed)

    def _created(self) -> Session:
        words = {
            "identifier": self._link.settings["handle"],
            "password": self._link.secrets.get("app_password", ""),
        }
        return _session(self._ask(CREATE, json=words))

    def _refreshed(self, old: Session | None) -> Session | None:
        """The session that the old one is exchanged for; None when that is not possible (any more)."""
        if old is None:
            return None
        try:
            return _session(self._ask(REFRESH, headers={"Authorization": f"Bearer {old.refresh}"}))
        except (NotConnected, Refused):
            return None

    def _ask(self, method: str, **more: Any) -> Any:
        """Signing in twice does no harm, so nothing that happens here leaves an outcome open."""
        return self._link.http.request("POST", f"{self._base}/xrpc/{method}", idempotent=True, **more).json()

    def _kept(self, row: Account) -> Session | None:
        values = self._link.services.unseal(row.session)
        if values.pop("owner", "") != self._owner:
            return None
        return Session(**values)

    def _sealed(self, session: Session) -> str:
        values = {
            "did": session.did,
            "handle": session.handle,
            "access": session.access,
            "refresh": session.refresh,
        }
        sealed: str = self._link.services.seal({**values, "owner": self._owner})
        return sealed


def _session(found: Any) -> Session:
    try:
        return Session(
            str(found["did"]), str(found["handle"]), str(found["accessJwt"]), str(found["refreshJwt"])
        )
    except (TypeError, KeyError):
        raise Retryable("the server answered the login with something else than a session") from None
