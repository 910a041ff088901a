"""``cms run``: the app, the ticker and the worker in one process."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import click

from cms_core.cli.state import State, log_json_option, pass_state
from cms_core.errors import CmsError
from cms_core.logs import written
from cms_core.workspace import Workspace

INTERRUPTED = 130

# Whose X-Forwarded-… headers are believed is decided in the app (CMS_TRUSTED_PROXIES), so they must get there.
SERVER: dict[str, Any] = {"threads": 8, "ident": None, "clear_untrusted_proxy_headers": False}


@click.command()
@click.option("--host", help="Address to listen on (default: that of CMS_BASE_URL).")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port to listen on (default: that of CMS_BASE_URL)."
)
@log_json_option
@pass_state
def command(state: State, host: str | None, port: int | None, log_json: bool) -> None:
    """Serve the app and publish what is due, in one process."""
    workspace = state.open()
    base = urlsplit(workspace.config.base_url)
    listen_host = host or ("127.0.0.1" if base.scheme == "https" else base.hostname or "127.0.0.1")
    listen_port = port or base.port or (8000 if base.scheme == "https" else 80)
    codes: list[int] = []

    def stop(number: int, _: object) -> None:
        codes.append(INTERRUPTED if number == signal.SIGINT else 0)
        sys.exit(codes[0])

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    with written(workspace, as_json=log_json or workspace.config.log_json) as announce:
        serve(workspace, listen_host, listen_port, announce)
    # The server ends on SystemExit but swallows it; one that comes before it runs is ours already.
    raise SystemExit(max(codes, default=0))


def serve(workspace: Workspace, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until interrupted; the worker finishes its current item."""
    from waitress.server import create_server

    from cms_core.app import create_app

    try:
        server = create_server(create_app(workspace=workspace), host=host, port=port, **SERVER)
    except OSError as error:
        raise CmsError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            "stop what listens there, or choose another --port",
        ) from error
    with working(workspace):
        announce(
            f"cms-core serves {workspace.config.base_url} (listening on {host}:{port}); sign in at /app/login"
        )
        server.run()


@contextmanager
def working(workspace: Workspace) -> Iterator[None]:
    """A worker and a ticker in threads of their own; at the end the worker finishes its current item."""
    from cms_core.queue import EmbeddedQueue
    from cms_core.ticker import Ticker
    from cms_core.worker import Worker

    queue = EmbeddedQueue()
    publishing = workspace.for_publishing()
    worker = Worker(publishing, queue=queue)
    ticker = Ticker(publishing, queue)
    thread = threading.Thread(target=worker.run_forever, name="cms-worker")
    thread.start()
    ticker.start()
    try:
        yield
    finally:
        ticker.stop()
        worker.stop()
        thread.join()
        publishing.db.dispose()
