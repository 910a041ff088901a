"""ETags: the row's version, which ``If-Match`` is held against, and a hash of what is shown, so that 304 is never a lie.

What is shown of a row may change without the row (counts of deliveries); who changes a row need only have seen its version.
"""

from hashlib import blake2b

from flask import request

from cms_core.errors import CmsError


class PreconditionRequired(CmsError):
    """A change needs the version that it is meant for."""

    status = 428


class PreconditionFailed(CmsError):
    """Somebody else changed it first; nothing was saved."""

    status = 412


def tag_of(version: int, body: bytes) -> str:
    """The ETag of a document of this version."""
    return f"{version}-{blake2b(body, digest_size=8).hexdigest()}"


def require_match(version: int) -> None:
    """Raise unless ``If-Match`` names this version (``*`` is any); every PUT, PATCH and DELETE asks this first."""
    wanted = request.headers.get("If-Match", "").strip()
    if not wanted:
        raise PreconditionRequired(
            "If-Match is missing: say which version you are changing",
            "send the ETag that you were given with it",
        )
    if wanted == "*":
        return
    if str(version) not in {_version(each) for each in wanted.split(",")}:
        raise PreconditionFailed(
            "it was changed since you read it; nothing was saved", "read it again, then make your change"
        )


def _version(tag: str) -> str:
    return tag.strip().removeprefix("W/").strip('"').partition("-")[0]
