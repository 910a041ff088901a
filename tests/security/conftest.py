from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from cms_core.auth import service

from .house import House, built


@pytest.fixture(scope="module", autouse=True)
def cheap_hashing() -> Iterator[None]:
    """argon2 as ever, but in a moment: what it costs is not the matter here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[House]:
    """One workspace for the tests of a file, which leave each other's things alone."""
    with built(tmp_path_factory.mktemp("house"), migrated_database) as made:
        yield made
