"""The key of a campaign: what its events carry, so that rooms left of the campaigns can name a campaign without reading them."""

import hashlib
import re
import unicodedata

MAX_KEY_LENGTH = 120
_NOT_WORD = re.compile(r"[\W_]+")


def campaign_key(name: str) -> str:
    """The key of a campaign's name: lower-case words joined by "-", accents removed; the key of a key is itself.

    A name without a letter or digit gets a key made from its hash, so that no two such names meet.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    key = _NOT_WORD.sub("-", unicodedata.normalize("NFC", plain.casefold())).strip("-")
    if not key:
        return "campaign-" + _digest(name)
    if len(key) > MAX_KEY_LENGTH:
        return f"{key[: MAX_KEY_LENGTH - 13].rstrip('-')}-{_digest(key)}"
    return key


def _digest(text: str) -> str:
    return hashlib.blake2s(text.encode(errors="surrogatepass"), digest_size=6).hexdigest()
