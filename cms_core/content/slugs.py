"""Slugs: the last part of an asset's address, and its name on the command line."""

import hashlib
import re
import unicodedata
from collections.abc import Callable

MAX_LENGTH = 100
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

# First parts of addresses that the app serves itself. Names with a dot (robots.txt, feed.xml) can never be slugs.
RESERVED_PATHS = frozenset("api app calendar d healthz media metrics static t".split())
# Pages of the library stand beside those of its assets.
RESERVED_SLUGS = RESERVED_PATHS | {"bulk", "import", "new", "preview", "redirects"}

_LETTERS = dict(
    pair.split("=")
    for pair in (
        "ß=ss æ=ae œ=oe ø=o đ=d ð=d þ=th ł=l ħ=h ı=i ŋ=ng ĸ=k ŧ=t "
        "а=a б=b в=v г=g ґ=g д=d е=e є=ie ж=zh з=z и=i і=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh "
        "щ=shch ъ= ы=y ь= э=e ю=iu я=ia ђ=dj ј=j љ=lj њ=nj ћ=c џ=dz "
        "α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f χ=ch ψ=ps ω=o"
    ).split()
)
_TABLE = str.maketrans(_LETTERS)


def slugify(text: str) -> str:
    """The text as a slug of at most 100 characters: accents dropped, Cyrillic and Greek transliterated; "" when nothing is left."""
    plain = "".join(
        each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each)
    )
    slug = re.sub(r"[^a-z0-9]+", "-", plain.translate(_TABLE).replace("'", "").replace("’", "")).strip("-")
    return slug if len(slug) <= MAX_LENGTH else slug[:MAX_LENGTH].rpartition("-")[0] or slug[:MAX_LENGTH]


def slug_or_digest(text: str) -> str:
    """A slug for any text: where no letter can be transliterated (東京), a short hash that is the same every time."""
    return slugify(text) or "item-" + hashlib.sha256(text.encode()).hexdigest()[:8]


def slug_fault(slug: str) -> str:
    """What is wrong with a slug, or ""."""
    if len(slug) > MAX_LENGTH or not SLUG.fullmatch(slug):
        return (
            f"slug {slug[:120]!r} may hold only a–z, 0–9 and single hyphens, at most {MAX_LENGTH} characters"
        )
    if slug in RESERVED_SLUGS:
        return f"slug {slug!r} is reserved for the app itself"
    return ""


def first_free(base: str, taken: Callable[[str], bool]) -> str:
    """The slug, or with the first number (-2, -3, …) under which it is not taken."""
    slug, n = base, 1
    while taken(slug):
        n += 1
        slug = f"{base[:90].rstrip('-')}-{n}"
    return slug
