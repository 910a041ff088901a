"""Keys and secrets: one workspace key, kept outside the database, from which all others are derived."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from cms_core.errors import ConfigError

MIN_KEY_LENGTH = 32
SHORTEST_CONCEALED = 4  # shorter ones are found in too many words
MOST_OPENED = 5_000


class Vault:
    """Encrypts credentials at rest and derives signing keys.

    ``keys`` are the workspace's secret keys, newest first: the first encrypts and signs, all decrypt (key rotation). ``inherited``
    are derived keys, by purpose, of the workspace that this one was taken over from: links that were sent stay valid. ``opened``
    are the secrets that this process knows, the newest last: what is logged never repeats them.
    """

    def __init__(self, keys: str, inherited: Mapping[str, bytes] | None = None) -> None:
        self._inherited = dict(inherited or {})
        self.opened: dict[str, None] = {}
        self._keys = [key.strip() for key in keys.split(",") if key.strip()]
        if not self._keys or any(len(key) < MIN_KEY_LENGTH for key in self._keys):
            raise ConfigError(
                f"the workspace's secret key is missing or shorter than {MIN_KEY_LENGTH} characters",
                "set CMS_SECRET_KEY in the .env file of the workspace",
            )
        self._fernet = MultiFernet([Fernet(_fernet_key(key)) for key in self._keys])

    def __repr__(self) -> str:
        return f"<Vault with {len(self._keys)} key(s)>"

    def encrypt(self, values: Mapping[str, str]) -> str:
        """Encrypt named secrets; an empty mapping gives an empty text."""
        if not values:
            return ""
        self._remember(values.values())
        return self._fernet.encrypt(json.dumps(dict(values), sort_keys=True).encode()).decode()

    def decrypt(self, text: str) -> dict[str, str]:
        """The secrets of an encrypted text; raises ConfigError when no key of this workspace fits."""
        if not text:
            return {}
        try:
            values: dict[str, str] = json.loads(self._fernet.decrypt(text.encode()))
        except InvalidToken:
            raise ConfigError(
                "stored credentials cannot be read with this workspace's secret key",
                "put the key they were stored with into CMS_SECRET_KEY (comma separated, newest first)",
            ) from None
        self._remember(values.values())
        return values

    def _remember(self, values: Iterable[str]) -> None:
        self.opened.update(dict.fromkeys(values))
        for oldest in list(self.opened)[: max(0, len(self.opened) - MOST_OPENED)]:
            self.opened.pop(oldest, None)

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, from the oldest key, so that links already sent stay valid after a rotation."""
        own = hmac.digest(self._keys[-1].encode(), purpose.encode(), "sha256")
        return self._inherited.get(purpose, own)


def storable(text: str) -> str:
    """Words of others with what no database takes (lone surrogates, NUL) shown as a question mark."""
    if text.isascii() and text.isprintable():  # nearly always, and asked once per mail
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def conceal(text: str, secrets: Iterable[str]) -> str:
    """Words of others (a remote, a plugin) as they may be kept and shown: storable, and without the secrets they may hold."""
    text = storable(text)
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_CONCEALED:
            text = text.replace(secret, "(hidden)")
    return text


def keyed_hash(key: bytes, text: str) -> str:
    """43 URL-safe characters that identify ``text`` to those who hold the key and say nothing to others."""
    digest = hashlib.blake2b(text.encode(), key=key, digest_size=32).digest()
    return base64.urlsafe_b64encode(digest)[:43].decode()


def _fernet_key(secret: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest())
