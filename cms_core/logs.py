"""What ``cms run`` and ``cms worker`` write for people and machines to read: a line for each record, without any secret.

With ``--log-json`` or CMS_LOG=json a line is a JSON object: timestamp, level, logger, event, and where there are any request and
exception. Otherwise it is plain; what belongs to a record beyond its first line is indented, and no text begins a line of its own.
Whatever was decrypted in this process is hidden, wherever it comes from: a remote that repeats a password in its answer has it
hidden too.
"""

import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict

from cms_core.secrets import conceal
from cms_core.workspace import Workspace

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
INDENT = "    | "

log = logging.getLogger(__name__)


@contextmanager
def written(workspace: Workspace, *, as_json: bool) -> Iterator[Callable[[str], None]]:
    """Inside, all that is logged in this process is written to stderr; gives what tells something to whoever started it."""
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter(workspace.hidden, as_json))
    root, level, hook = logging.getLogger(), logging.getLogger().level, threading.excepthook
    root.addHandler(handler)
    root.setLevel(workspace.config.log_level)
    logging.captureWarnings(capture=True)
    threading.excepthook = _log_crash
    try:
        yield _announcer(handler, as_json=as_json)
    finally:
        threading.excepthook = hook
        logging.captureWarnings(capture=False)
        root.setLevel(level)
        root.removeHandler(handler)


def _announcer(handler: logging.StreamHandler[Any], *, as_json: bool) -> Callable[[str], None]:
    """Writes whatever the level is: whoever started the process waits for it. To people it speaks as any command does."""

    def announce(text: str) -> None:
        if as_json:
            handler.handle(logging.LogRecord("cms_core", logging.INFO, __file__, 0, text, None, None))
        else:
            print(_shown(text), file=handler.stream, flush=True)

    return announce


def tell_fault(logger: logging.Logger, what: str, fault: Exception) -> None:
    """What will be tried again: a database that is away in one line, for it is told each second; all else with its trace."""
    if isinstance(fault, OperationalError | InterfaceError):
        logger.warning("%s: %s", what, " ".join(str(fault.orig).split()))
    else:
        logger.error(what, exc_info=fault)


def _log_crash(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_value is not None:
        name = crash.thread.name if crash.thread else "a thread"
        log.error("%s ended", name, exc_info=crash.exc_value)


def _formatter(hidden: Callable[[], Iterable[str]], as_json: bool) -> logging.Formatter:
    def without_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
        secrets = list(hidden())
        return {name: conceal(str(value), secrets) for name, value in event.items()}

    return ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            without_secrets,
            _as_json if as_json else _as_text,
        ],
    )


def _as_json(_logger: Any, _method: str, event: EventDict) -> str:
    # In ASCII: some readers take U+2028 for the end of a line.
    return json.dumps(event)


def _as_text(_logger: Any, _method: str, event: EventDict) -> str:
    request = f" [{event['request']}]" if "request" in event else ""
    first = (
        f"{event['timestamp']} {event['level'].upper()} {event['logger']}{request}: {_shown(event['event'])}"
    )
    rest = [f"{INDENT}{_shown(line)}" for line in event.get("exception", "").splitlines()]
    return "\n".join([first, *rest])


def _shown(text: str) -> str:
    """Control characters as they are written in Python, so that none of them is obeyed."""
    return CONTROL.sub(lambda found: repr(found.group())[1:-1], text)
