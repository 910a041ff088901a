"""Errors meant for people.

CmsError
├── NotFound      what was named does not exist
├── Invalid       input that cannot be used; nothing was saved
│   └── Conflict  somebody else changed it first, or it exists already
├── Forbidden     the user may not do this
├── ConfigError   the workspace is missing or its configuration is wrong (exit code 3)
├── UpgradeNeeded the database is older or newer than the program (exit code 4)
├── RemoteRefused another system answered no (exit code 6)
└── TryLater      locked, rate limited or not yet possible (exit code 75)

Every message says what happened and where; ``remedy`` says what to do next, ``field`` which field of a form, or column of a
file, it is about (or "").
"""

from typing import ClassVar


class CmsError(Exception):
    """Base of all errors that a person is meant to read."""

    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 400
    field: str = ""

    def __init__(self, message: str, remedy: str = "", *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.field = field


class NotFound(CmsError):
    """What was named does not exist."""

    status = 404


class Invalid(CmsError):
    """The input cannot be used; nothing was saved."""

    status = 422


class Conflict(Invalid):
    """Somebody else changed it first, or it exists already; nothing was saved."""

    status = 409


class Forbidden(CmsError):
    """The user may not do this."""

    status = 403


class ConfigError(CmsError):
    """The workspace is missing or its configuration is wrong."""

    exit_code = 3
    status = 500


class UpgradeNeeded(CmsError):
    """The database does not have the schema that this program needs."""

    exit_code = 4
    status = 503


class RemoteRefused(CmsError):
    """Another system answered no."""

    exit_code = 6
    status = 502


class TryLater(CmsError):
    """Locked, rate limited or not yet possible; the same call may go through later."""

    exit_code = 75
    status = 503
