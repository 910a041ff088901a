"""Static files by content: an address that changes with the file may be cached for ever.

``static/vendor`` is made by the front-end build (fonts, icon sprite, htmx, SortableJS) and may be missing: then pages use system
fonts, icons give way to words, and nothing asks for a file that is not there.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Response, g, request, url_for
from markupsafe import Markup

STATIC = Path(__file__).with_name("static")
ICONS = "vendor/icons.svg"
FOR_EVER = "public, max-age=31536000, immutable"


@lru_cache(maxsize=256)
def _digest(path: Path, modified_ns: int, size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def version(name: str) -> str:
    """The first characters of the file's SHA-256, or "" when the file is not there."""
    path = STATIC / name
    try:
        stat = path.stat()
    except OSError:
        return ""
    return _digest(path, stat.st_mtime_ns, stat.st_size)


def _found(name: str) -> tuple[str, str]:
    """Version and address of a file, looked up once per request: a page shows dozens of icons."""
    known: dict[str, tuple[str, str]] = g.setdefault("cms_assets", {})
    if name not in known:
        made = version(name)
        known[name] = made, url_for("cms.static", filename=name, v=made or None)
    return known[name]


def asset_url(name: str) -> str:
    """The address of a file of the shell, with its version so that it can be cached for ever."""
    return _found(name)[1]


def has_icons() -> bool:
    """Whether the front-end build's icon sprite is there."""
    return bool(_found(ICONS)[0])


def icon(name: str, css: str = "ic", text: str = "") -> Markup:
    """A decorative icon of the sprite; without the sprite ``text`` (a character) or nothing."""
    if not has_icons():
        return Markup('<span class="glyph" aria-hidden="true">{}</span>').format(text) if text else Markup("")
    return _drawn(f"{asset_url(ICONS)}#{name}", css)


@lru_cache(maxsize=1024)
def _drawn(href: str, css: str) -> Markup:
    return Markup('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>').format(css, href)


def vendor_script(name: str) -> Markup:
    """The script tag of a front-end package, or nothing when the build did not bring it."""
    found, address = _found(f"vendor/{name}")
    return Markup('<script defer src="{}"></script>').format(address) if found else Markup("")


def cache_static(response: Response) -> Response:
    """Let versioned files be kept for ever and the others (fonts named in the CSS) for a day."""
    if request.endpoint == "cms.static" and response.status_code in (200, 304):
        wanted = request.args.get("v")
        versioned = bool(wanted) and wanted == version((request.view_args or {}).get("filename", ""))
        response.headers["Cache-Control"] = FOR_EVER if versioned else "public, max-age=86400"
    return response
