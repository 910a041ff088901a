"""What ``cms run``, ``cms web`` and ``cms scheduler`` share: how they listen, and how they end."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import click

from cms_core.cli.state import State
from cms_core.errors import CmsError
from cms_core.logs import written
from cms_core.workspace import Workspace

INTERRUPTED = 130

# Whose X-Forwarded-… headers are believed is decided in the app (CMS_TRUSTED_PROXIES), so they must get there.
SERVER: dict[str, Any] = {"threads": 8, "ident": None, "clear_untrusted_proxy_headers": False}

host_option = click.option("--host", help="Address to listen on (default: that of CMS_BASE_URL).")
port_option = click.option(
    "--port", type=click.IntRange(1, 65535), help="Port to listen on (default: that of CMS_BASE_URL)."
)


@contextmanager
def until_stopped(state: State, *, log_json: bool) -> Iterator[tuple[Workspace, Callable[[str], None]]]:
    """A workspace of its own and what tells something to whoever started the process; the block ends with SIGTERM or SIGINT."""
    workspace = state.open()
    codes: list[int] = []

    def stop(number: int, _: object) -> None:
        codes.append(INTERRUPTED if number == signal.SIGINT else 0)
        sys.exit(codes[0])

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    with written(workspace, as_json=log_json or workspace.config.log_json) as announce:
        # The first look also tells the fence with which versions of the tables this program began.
        if (reason := workspace.fence.reason) is not None:
            announce(f"nothing is published: {reason}; {workspace.fence.remedy}")
        yield workspace, announce
    # The server ends on SystemExit but swallows it; one that comes before it runs is ours already.
    raise SystemExit(max(codes, default=0))


def serve(
    workspace: Workspace,
    host: str | None,
    port: int | None,
    announce: Callable[[str], None],
    around: AbstractContextManager[None],
) -> None:
    """Serve until interrupted; ``around`` is entered when the port is ours."""
    from waitress.server import create_server

    from cms_core.app import create_app

    base = urlsplit(workspace.config.base_url)
    host = host or ("127.0.0.1" if base.scheme == "https" else base.hostname or "127.0.0.1")
    port = port or base.port or (8000 if base.scheme == "https" else 80)
    try:
        server = create_server(create_app(workspace=workspace), host=host, port=port, **SERVER)
    except OSError as error:
        raise CmsError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            "stop what listens there, or choose another --port",
        ) from error
    with around:
        announce(
            f"cms-core serves {workspace.config.base_url} (listening on {host}:{port}); sign in at /app/login"
        )
        server.run()
