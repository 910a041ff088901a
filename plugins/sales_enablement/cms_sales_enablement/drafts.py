"""New links before they are kept: what is asked of them, checked, with the rows of their lists."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from argon2 import PasswordHasher

from cms_core import Contact, Invalid, Services
from cms_sales_enablement import ends
from cms_sales_enablement import terms as conditions
from cms_sales_enablement.models import Share, ShareRule
from cms_sales_enablement.terms import Limits, Terms

TOKEN_BYTES = 24  # 192 bit
SHORTEST, LONGEST = 4, 200
MAY_SHARE = "sales.share"
ANY = Terms()
hasher = PasswordHasher()


@dataclass(frozen=True)
class Asked:
    """What is said of a new link beside what it leads to."""

    contact: str = ""
    expires: str | date = ""
    password: str | None = None
    terms: Terms = ANY

    @classmethod
    def read(cls, asked: Mapping[str, Any]) -> "Asked":
        """From the keys of a form or call; those that are not there are not asked for."""
        known = {each.name: asked[each.name] for each in fields(Terms) if each.name in asked}
        contact, expires = asked.get("contact") or "", asked.get("expires") or ""
        return cls(contact, expires, asked.get("password"), Terms(**known))


@dataclass(frozen=True)
class Draft:
    """A link that leads nowhere yet, the rows of its lists, and its token."""

    share: Share
    rules: Sequence[ShareRule]
    token: str

    @classmethod
    def of(cls, svc: Services, asked: Asked, *, is_deck: bool, drawn: bool = False) -> "Draft":
        """Check what is asked, and make the rows; raises Invalid. ``drawn``: all of its slides can be drawn here."""
        limits, contact, password = Limits.of(svc), asked.contact.strip(), asked.password
        end = ends.end_of(asked.expires, svc.now(), limits)
        kept = conditions.checked(
            svc, asked.terms, limits, is_deck=is_deck, drawn=drawn, contact=bool(contact)
        )
        if password is not None and not SHORTEST <= len(password.strip()) <= len(password) <= LONGEST:
            raise Invalid(
                f"a password has {SHORTEST} to {LONGEST} characters", "give another one", field="password"
            )
        person = svc.upsert_contacts([Contact("", contact)])[0] if contact else None
        known = svc.find_contact(contact) if person else None
        token = secrets.token_urlsafe(TOKEN_BYTES)
        share = row(
            svc,
            token,
            contact=person,
            contact_email=(known.email or "") if known else "",
            password_hash=hasher.hash(password) if password is not None else "",
            expires_at=end,
            gate=kept.gate,
            download=kept.download,
            watermark=kept.watermark,
            max_views=kept.max_views,
        )
        return cls(share, conditions.rules_of(kept), token)

    def keep(self, svc: Services, aim: Mapping[str, Any]) -> Share:
        """Let it lead somewhere from now on; ``aim`` are the columns that say where."""
        for name, value in aim.items():
            setattr(self.share, name, value)
        with svc.transaction() as session:
            session.add(self.share)
            session.flush()
            for rule in self.rules:
                rule.share_id = self.share.id
                session.add(rule)
        return self.share


def row(svc: Services, token: str, **more: Any) -> Share:
    """A share in the name of who asks."""
    user = svc.require(MAY_SHARE)
    made = {"user": user.id, "user_name": user.name or user.email, "created_at": svc.now()}
    return Share(token_hash=hash_of(token), **made, **more)


def secret_row(svc: Services, **more: Any) -> Share:
    """The same under a token that is told nobody."""
    return row(svc, secrets.token_urlsafe(TOKEN_BYTES), **more)


def hash_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
