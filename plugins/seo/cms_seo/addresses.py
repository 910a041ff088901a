"""Where a page stands on its site."""

import re

from cms_core import RESERVED_PATHS, Asset

MAX_PATH = 300
_PATH = re.compile(r"(?:/[a-z0-9]+(?:[-_][a-z0-9]+)*)+")


class BadPath(ValueError):
    """A path that no page can have; says why and what to do."""


def path_of(asset: Asset) -> str:
    """The path of an asset: ``/<slug>``, or what its variant for the site says under ``path``; raises BadPath.

    Segments hold letters a–z, digits and single hyphens only, so that no path can be a file (robots.txt), lead upwards or to
    another host; the first one may not be among those that the app serves itself.
    """
    own = str(asset.body.get("path") or asset.slug).strip()
    path = f"/{own.removeprefix('/')}".removesuffix("/")
    if len(path) > MAX_PATH or not _PATH.fullmatch(path):
        raise BadPath(
            f"the path {path[:80]!r} may hold only a–z, 0–9, single hyphens and slashes between them, "
            f"at most {MAX_PATH} characters"
        )
    first = path.split("/")[1]
    if first in RESERVED_PATHS:
        raise BadPath(f"addresses below /{first} belong to the app itself; choose another path")
    return path
