"""The fence: a workspace that was copied publishes nothing until a person confirms that it is the one that shall.

Two copies that both publish would send everything twice. The fence stands in a file of the workspace's folder, beside the database.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from cms_core.errors import Conflict

FILE = "fence.json"


class Fence:
    """The fence of the workspace in this folder."""

    def __init__(self, home: Path) -> None:
        self._file = home / FILE

    @property
    def reason(self) -> str | None:
        """Why nothing is published, or None while the fence is open."""
        try:
            return str(json.loads(self._file.read_text(encoding="utf-8"))["reason"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return f"the file {self._file.name} cannot be read"

    def require_open(self) -> None:
        """Raise Conflict while it is closed: asked before anything is kept that only the network can finish."""
        if (reason := self.reason) is not None:
            raise Conflict(f"nothing is published: {reason}", "confirm with `cms fence accept`")

    def close(self, reason: str) -> None:
        """Let nothing be published from now on."""
        document = {"reason": reason, "since": datetime.now(UTC).isoformat()}
        self._file.write_text(json.dumps(document), encoding="utf-8")

    def open(self) -> None:
        """A person has confirmed: publish."""
        self._file.unlink(missing_ok=True)
