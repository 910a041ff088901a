"""Signed tokens of deliveries: 28 URL-safe characters in links, pixel, unsubscribe address and Message-ID.

A token is base64url(delivery id, 8 bytes ‖ keyed BLAKE2b, 13 bytes): it cannot be guessed or altered, names one recipient of one
publication, and stays valid for as long as the workspace's key is kept.
"""

import base64
import hashlib
import hmac
import struct

ID_BYTES = 8
MAC_BYTES = 13
TOKEN_LENGTH = 28


class Tokens:
    """Makes and reads tokens with one key (``vault.derive("token")``)."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hashlib.blake2b(key=key, digest_size=MAC_BYTES)

    def make(self, delivery_id: int) -> str:
        """The token of a delivery."""
        number = struct.pack(">Q", delivery_id)
        return base64.urlsafe_b64encode(number + self._mac(number)).decode("ascii")

    def read(self, token: str) -> int | None:
        """The delivery of a token, or None when it is not one of ours."""
        if len(token) != TOKEN_LENGTH:
            return None
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            return None
        number, mac = raw[:ID_BYTES], raw[ID_BYTES:]
        if not hmac.compare_digest(mac, self._mac(number)):
            return None
        return int(struct.unpack(">Q", number)[0])

    def _mac(self, number: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(number)
        return keyed.digest()
