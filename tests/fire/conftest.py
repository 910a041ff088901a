"""A workspace for real processes on each database, and a way to say the figures of a proof while it runs."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from cms_core.config import write_config
from cms_core.testing.databases import PostgresServer
from tests.fire.processes import Cluster, cluster
from tests.fire.proofs import OTHER_PLUGINS

Tell = Callable[..., None]
MakeCluster = Callable[..., AbstractContextManager[Cluster]]


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Says figures on the terminal, whatever is captured: they are what a proof is run for."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    terminal = request.config.pluginmanager.getplugin("terminalreporter")

    def say(**figures: object) -> None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(
                f"{request.node.name}: " + ", ".join(f"{name}={value}" for name, value in figures.items())
            )

    return say


@pytest.fixture
def make_cluster(request: pytest.FixtureRequest, tmp_path: Path) -> MakeCluster:
    """Makes a workspace on "sqlite" or "postgresql" for real processes, in ``home`` (default: a folder of its own)."""

    @contextmanager
    def made(kind: str, home: Path | None = None, **environ: str) -> Iterator[Cluster]:
        home = home or tmp_path / "home"
        environ = {"CMS_DISABLE_PLUGINS": OTHER_PLUGINS, **environ}
        if kind == "sqlite":
            write_config(home, None, None)
            shutil.copyfile(request.getfixturevalue("migrated_database"), home / "cms.db")
            with cluster(home, **environ) as found:
                yield found
            return
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create(request.getfixturevalue("migrated_postgres"))
        write_config(home, url, None)
        with cluster(home, **environ) as found:
            yield found
        server.drop(url)

    return made
