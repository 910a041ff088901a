"""A backup is whole, of one instant, and opens nothing to strangers; what is restored is the same, and publishes nothing yet."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from cms_core.auth.models import ApiToken, User
from cms_core.auth.service import authenticate
from cms_core.config import load_config
from cms_core.connections.models import Connection
from cms_core.content import media
from cms_core.contract import AgentClass
from cms_core.db import make_engine
from cms_core.errors import CmsError, Conflict, Invalid
from cms_core.events.models import Event
from cms_core.events.service import NewEvent, record
from cms_core.testing.fixtures import NOW
from cms_core.transfer import archive as archives
from cms_core.transfer.archive import write_archive, write_backup
from cms_core.transfer.entries import MANIFEST, SETTINGS
from cms_core.transfer.home import restore_home
from cms_core.transfer.restore import OTHER_MAY_PUBLISH, restore
from cms_core.workspace import Workspace

from .conftest import PASSWORD, SECRET
from .test_transfer import changed, entries, in_manifest, of_table

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def backup(filled: Workspace, tmp_path: Path) -> Path:
    path = tmp_path / "one.backup"
    write_backup(filled, path, with_key=True)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "restored"


@pytest.fixture
def restored(home: Path, target_url: str) -> Iterator[Callable[[Path], Workspace]]:
    """Restores a backup into ``home``, on each kind of database."""
    opened = []

    def run(path: Path) -> Workspace:
        opened.append(restore_home(home, path, target_url)[0])
        return opened[-1]

    yield run
    for each in opened:
        each.db.dispose()


Restore = Callable[[Path], Workspace]


def has_nothing(url: str) -> bool:
    """Whether the database at this address holds no user."""
    path = make_url(url).database or ""
    if url.startswith("sqlite") and not Path(path).exists():
        return True
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            if not engine.dialect.has_table(connection, "core_user"):
                return True
            return not connection.scalar(select(func.count()).select_from(User))
    finally:
        engine.dispose()


# --- out and in -------------------------------------------------------------------------------------------------------


def test_what_is_restored_is_what_was_backed_up(backup: Path, restored: Restore, tmp_path: Path) -> None:
    write_backup(restored(backup), tmp_path / "two.backup", with_key=True)
    one, two = entries(backup), entries(tmp_path / "two.backup")
    assert {name for name in one if one[name] != two.get(name)} <= {SETTINGS}
    assert set(one) == set(two)


def test_people_sign_in_and_channels_reach_their_accounts_as_before(backup: Path, restored: Restore) -> None:
    again = restored(backup)
    with again.db.session() as session:
        assert authenticate(session, "ida@example.com", PASSWORD)
        (sealed,) = session.scalars(select(Connection.secrets))
        assert again.vault.decrypt(sealed)["password"] == SECRET
        assert session.scalar(select(func.count()).select_from(ApiToken)) == 1
        (sha256,) = session.scalars(select(media.Media.sha256))
    assert media.path_of(again.config.media_dir, sha256).is_file()


def test_ids_go_on_behind_those_that_were_restored(backup: Path, restored: Restore) -> None:
    again = restored(backup)
    with again.db.transaction() as session:
        record(session, [NewEvent("opened", NOW, "test", "new", AgentClass.HUMAN)])


def test_the_restored_workspace_publishes_nothing_until_a_person_confirms(
    backup: Path, restored: Restore
) -> None:
    again = restored(backup)
    assert again.fence.reason == OTHER_MAY_PUBLISH
    again.fence.accept()
    assert again.fence.reason is None


def test_the_folder_is_for_its_owner_and_has_the_settings(
    filled: Workspace, restored: Restore, home: Path, tmp_path: Path
) -> None:
    (filled.config.home / "cms.toml").write_text('base_url = "https://www.acme.test"\n')
    write_backup(filled, tmp_path / "one.backup")
    restored(tmp_path / "one.backup")
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / ".env").stat().st_mode & 0o777 == 0o600
    assert load_config(home, {}).base_url == "https://www.acme.test"


def test_a_workspace_that_nobody_has_used_is_filled(backup: Path, copy: Workspace) -> None:
    copy.db.dispose()
    again, _ = restore_home(copy.config.home, backup)
    with again.db.session() as session:
        assert authenticate(session, "boss@example.com", PASSWORD), "not the password of the empty one"
        assert set(session.scalars(select(User.email))) == {"boss@example.com", "ida@example.com"}
    again.db.dispose()


# --- the key ----------------------------------------------------------------------------------------------------------


def test_without_asking_the_key_is_not_in_it_and_nothing_is_in_the_clear(
    filled: Workspace, tmp_path: Path
) -> None:
    write_backup(filled, tmp_path / "one.backup")
    text = b"".join(entries(tmp_path / "one.backup").values())
    assert filled.config.secret_key.encode() not in text
    assert SECRET.encode() not in text
    assert PASSWORD.encode() not in text
    assert b"gAAAA" in text, "the credentials are there, encrypted"
    assert (tmp_path / "one.backup").stat().st_mode & 0o777 == 0o600


@pytest.mark.sqlite
def test_what_the_key_here_does_not_open_is_named_and_opens_with_the_old_one(
    filled: Workspace, cms: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_backup(filled, tmp_path / "one.backup")
    result = cms("restore", tmp_path / "one.backup", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["unreadable"] == ["email:news"]
    assert "CMS_SECRET_KEY" in result.stderr
    key = load_config(tmp_path / "ws", {}).secret_key
    monkeypatch.setenv("CMS_SECRET_KEY", f"{key},{filled.config.secret_key}")
    checks = {
        each["check"]: each["level"] for each in json.loads(cms("doctor", "--offline", "--json").stdout)
    }
    assert checks["secrets"] == "ok"


# --- under load -------------------------------------------------------------------------------------------------------


def test_what_was_committed_before_its_stamp_is_in_it_while_others_write(
    filled: Workspace, restored: Restore, tmp_path: Path
) -> None:
    done: list[tuple[datetime, str]] = []
    stop = threading.Event()

    def write(who: int) -> None:
        n = 0
        while not stop.wait(0.005):  # or the threads starve the one that reads
            name = f"{who}-{n}"
            with filled.db.transaction() as session:
                record(session, [NewEvent("opened", NOW, "load", name, AgentClass.HUMAN)])
            done.append((datetime.now(UTC), name))
            n += 1

    writers = [threading.Thread(target=write, args=(who,)) for who in (0, 1)]
    for each in writers:
        each.start()
    while len(done) < 20:
        time.sleep(0.01)
    try:
        written = write_backup(filled, tmp_path / "one.backup", with_key=True)
        after = len(done)
    finally:
        stop.set()
        for each in writers:
            each.join()
    assert len(done) >= after
    with restored(tmp_path / "one.backup").db.session() as session:
        there = set(session.scalars(select(Event.source_id).where(Event.source == "load")))
    before = {name for at, name in done if at < written.made_at}
    assert len(before) >= 20
    assert before <= there


# --- what is not whole ------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def flipped(path: Path) -> None:
    """One bit of the packed rows of a table."""
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("tables/core_event.jsonl")
    data = bytearray(path.read_bytes())
    data[entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2] ^= 1
    path.write_bytes(data)


def settings(**env: Any) -> Callable[[dict[str, bytes]], None]:
    document = json.dumps({"cms.toml": "", "env": env}).encode()
    return lambda found: found.update({SETTINGS: document})


FAULTS: dict[str, Callable[[Path], Any]] = {
    "cut": cut,
    "a bit is wrong": flipped,
    "no file of ours": lambda path: path.write_bytes(b"PK\x03\x04 nothing"),
    "empty": lambda path: path.write_bytes(b""),
    "a table is missing": lambda path: changed(path, lambda found: found.pop("tables/core_event.jsonl")),
    "a row is changed": lambda path: changed(
        path,
        lambda found: found.update(
            {"tables/core_user.jsonl": found["tables/core_user.jsonl"].replace(b"ida@", b"eve@")}
        ),
    ),
    "a path that leads out": lambda path: changed(path, lambda found: found.update({"../evil": b"x"})),
    "a path of a medium that leads out": lambda path: changed(
        path, lambda found: found.update({"media/../../../evil": b"x"})
    ),
    "an absolute path": lambda path: changed(path, lambda found: found.update({"/tmp/evil": b"x"})),  # noqa: S108
    "another medium": lambda path: changed(path, lambda found: found.update({f"media/{'0' * 64}": b"x"})),
    "references to nothing": lambda path: changed(path, of_table("core_contact", b"")),
    "a setting that nobody asked for": lambda path: changed(path, settings(CMS_DATABASE_URL="sqlite:////x")),
    "a setting with a second line": lambda path: changed(path, settings(CMS_SECRET_KEY="a\nCMS_BASE_URL=x")),
    "another version": lambda path: changed(path, in_manifest(schema={"core": "0000"})),
}


@pytest.mark.sqlite  # it is the same file from either database: test_out_and_in_and_out_again_is_equal
@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_is_not_whole_leaves_nothing(
    backup: Path, home: Path, target_url: str, fault: str, tmp_path: Path
) -> None:
    FAULTS[fault](backup)
    with pytest.raises(CmsError) as caught:
        restore_home(home, backup, target_url)
    assert caught.value.remedy
    assert not home.exists()
    assert has_nothing(target_url)
    assert not list(tmp_path.glob("**/evil"))


def test_a_file_that_is_not_whole_leaves_an_unused_workspace_as_it_was(
    filled: Workspace, backup: Path, copy: Workspace
) -> None:
    before = (copy.config.home / ".env").read_bytes()
    cut(backup)
    with pytest.raises(Invalid):
        restore_home(copy.config.home, backup)
    assert (copy.config.home / ".env").read_bytes() == before
    with copy.db.session() as session:
        assert authenticate(session, "boss@example.com", "another password")


def test_what_is_in_use_is_never_written_over(filled: Workspace, backup: Path, tmp_path: Path) -> None:
    before = (filled.config.home / ".env").read_bytes()
    with pytest.raises(Conflict, match="in use"):
        restore_home(filled.config.home, backup)
    assert (filled.config.home / ".env").read_bytes() == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(Conflict, match="not an empty folder"):
        restore_home(tmp_path / "full", backup)
    assert [each.name for each in (tmp_path / "full").iterdir()] == ["letter.txt"]


def test_a_backup_is_no_export_and_an_export_no_backup(
    filled: Workspace, backup: Path, copy: Workspace, home: Path, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match="other kind") as caught:
        restore(copy, backup)
    assert "cms restore" in caught.value.remedy
    write_archive(filled, tmp_path / "one.zip")
    with pytest.raises(Invalid, match="other kind") as caught:
        restore_home(home, tmp_path / "one.zip")
    assert "cms import" in caught.value.remedy


# --- killed, full, damaged ---------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from cms_core.cli import main
from cms_core.transfer import archive, tables
room, name = {"restore": (tables, "write"), "backup": (archive, "_write_table")}[sys.argv[1]]
whole = getattr(room, name)

def dies(first, second, *rest):
    if "core_event" in (getattr(second, "name", ""), getattr(rest[0] if rest else None, "name", "")):
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(first, second, *rest)

setattr(room, name, dies)
main(sys.argv[1:])
"""


def killed(environ: dict[str, str], *words: str) -> None:
    command = [sys.executable, "-c", KILLED, *words]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environ}, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def test_killed_in_the_middle_a_restore_leaves_no_row_and_can_be_repeated(
    backup: Path, home: Path, target_url: str
) -> None:
    environ = {"CMS_HOME": str(home), "CMS_DATABASE_URL": target_url}
    killed(environ, "restore", str(backup))
    assert has_nothing(target_url)
    again, found = restore_home(home, backup)
    with again.db.session() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == found.tables["core_event"] == 100
    again.db.dispose()


def test_killed_in_the_middle_a_backup_leaves_no_file_of_its_name(filled: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "one.backup"
    environ = {"CMS_HOME": str(filled.config.home), "CMS_DATABASE_URL": filled.config.database_url}
    killed(environ, "backup", str(path))
    assert not path.exists()
    write_backup(filled, path)
    assert [each.name for each in tmp_path.glob("*.part")] == []


def test_a_backup_that_cannot_be_read_back_gets_no_name(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_back = archives._read_back

    def damaged(workspace: Workspace, path: Path) -> None:
        flipped(path)
        read_back(workspace, path)

    monkeypatch.setattr(archives, "_read_back", damaged)
    with pytest.raises(Invalid):
        write_backup(filled, tmp_path / "one.backup")
    assert not list(tmp_path.glob("*one.backup*"))


def test_a_missing_medium_is_told_and_the_rest_backed_up(
    filled: Workspace, cms: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(filled.config.media_dir)
    monkeypatch.setenv("CMS_HOME", str(filled.config.home))
    monkeypatch.setenv("CMS_DATABASE_URL", filled.config.database_url)
    result = cms("backup", tmp_path / "one.backup", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["media"], len(told["missing"])) == (5, 0, 1)
    with zipfile.ZipFile(tmp_path / "one.backup") as archive:
        assert json.loads(archive.read(MANIFEST))["missing_media"] == told["missing"]


def test_who_may_not_administer_takes_no_backup(
    filled: Workspace, cms: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMS_HOME", str(filled.config.home))
    monkeypatch.setenv("CMS_DATABASE_URL", filled.config.database_url)
    assert cms("--as", "ida@example.com", "backup", tmp_path / "one.backup").exit_code == 1
    assert not (tmp_path / "one.backup").exists()
