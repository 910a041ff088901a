"""A workspace with the core alone: what plugins add is not the matter here."""

from collections.abc import Iterator

import pytest

from cms_core import models
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.workspace import Workspace, open_workspace


@pytest.fixture
def workspace(config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    opened = open_workspace(config, clock=clock, plugins=())
    models.metadata.create_all(opened.db.engine)
    yield opened
    opened.db.dispose()
