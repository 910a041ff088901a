"""Processes forked from one that has imported everything: most of what starting one costs is importing."""

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory
from typing import Any

from cms_core.cli import COMMANDS, PLUGIN_COMMANDS, main
from cms_core.loader import GROUP

LOADED = [
    "cms_core.app",
    *(module for module, _ in COMMANDS.values()),
    *(point.module for group in (GROUP, PLUGIN_COMMANDS) for point in entry_points(group=group)),
]


def forked(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> CompletedProcess[str]:
    """Run ``cms`` with these words in a folder."""
    with TemporaryDirectory() as kept:
        said = [Path(kept, name) for name in ("stdout", "stderr")]
        code = ended(_become, list(words), folder, dict(environ), said)
        return CompletedProcess(words, code, *(each.read_text("utf-8") for each in said))


def ended(function: Callable[..., None], *given: Any) -> int:
    """Call a function in a process of its own; the code with which that ends, below zero where a signal has killed it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    process = context.Process(target=function, args=given)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _become(words: list[str], folder: Path, environ: dict[str, str], said: list[Path]) -> None:
    """What a process that was started for these words is."""
    for number, path in enumerate(said, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    main(words)
