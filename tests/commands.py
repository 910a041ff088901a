"""``cms`` commands in processes forked from one that has imported everything: most of what a command costs is importing."""

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

from cms_core.cli import COMMANDS, PLUGIN_COMMANDS, main
from cms_core.loader import GROUP

LOADED = [
    "cms_core.app",
    *(module for module, _ in COMMANDS.values()),
    *(point.module for group in (GROUP, PLUGIN_COMMANDS) for point in entry_points(group=group)),
]


def forked(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> CompletedProcess[str]:
    """Run ``cms`` with these words in a folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    with TemporaryDirectory() as kept:
        said = [Path(kept, name) for name in ("stdout", "stderr")]
        process = context.Process(target=_become, args=(list(words), folder, dict(environ), said))
        process.start()
        process.join()
        assert process.exitcode is not None
        return CompletedProcess(words, process.exitcode, *(each.read_text("utf-8") for each in said))


def _become(words: list[str], folder: Path, environ: dict[str, str], said: list[Path]) -> None:
    """What a process that was started for these words is."""
    for number, path in enumerate(said, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    main(words)
