"""A workspace taken elsewhere is the same there: from SQLite and PostgreSQL to SQLite and PostgreSQL."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, update
from sqlalchemy.orm import Session

from cms_core.audience.addresses import address_hash
from cms_core.audience.models import Contact
from cms_core.audience.suppression import suppressed_among
from cms_core.auth.models import Role, User
from cms_core.auth.service import authenticate, create_user
from cms_core.config import load_config
from cms_core.connections.models import Connection
from cms_core.content import media
from cms_core.contract import AgentClass
from cms_core.db import Base
from cms_core.errors import CmsError, Conflict, Invalid, TryLater, UpgradeNeeded
from cms_core.events import ledger
from cms_core.events.ledger import Place, Reader
from cms_core.events.models import Cursor, Event
from cms_core.events.service import NewEvent, record
from cms_core.publishing.models import Publication, Worker
from cms_core.publishing.tokens import Tokens
from cms_core.reports import rollups
from cms_core.reports.models import Rollup
from cms_core.testing.fixtures import NOW
from cms_core.transfer import tables as t
from cms_core.transfer.archive import write_archive
from cms_core.transfer.entries import KEYS, MANIFEST
from cms_core.transfer.move import move
from cms_core.transfer.restore import restore
from cms_core.worker import Worker as Process
from cms_core.workspace import Workspace, open_workspace

from .conftest import PASSWORD, SECRET


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}


def again(workspace: Workspace) -> Workspace:
    """The workspace as the next process opens it."""
    return open_workspace(load_config(workspace.config.home, {}))


def counts(session: Session) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in session.execute(select(*Rollup.__table__.columns))}


# --- out and in -------------------------------------------------------------------------------------------------------


def test_out_and_in_and_out_again_is_equal(filled: Workspace, copy: Workspace, tmp_path: Path) -> None:
    write_archive(filled, tmp_path / "one.zip")
    restore(copy, tmp_path / "one.zip")
    write_archive(again(copy), tmp_path / "two.zip")
    one, two = entries(tmp_path / "one.zip"), entries(tmp_path / "two.zip")
    assert {name: two.get(name) for name in one} == one
    assert set(one) == set(two)
    assert len(one["tables/core_event.jsonl"].splitlines()) == 100
    with filled.db.session() as before, copy.db.session() as after:
        assert counts(before) == counts(after) != set()


def test_links_that_were_sent_and_addresses_that_must_not_be_written_to_are_known_in_the_copy(
    filled: Workspace, copy: Workspace, tmp_path: Path
) -> None:
    token = Tokens(filled.vault.derive("token")).make(17)
    write_archive(filled, tmp_path / "one.zip")
    restore(copy, tmp_path / "one.zip")
    opened = again(copy)
    assert Tokens(opened.vault.derive("token")).read(token) == 17
    with opened.db.session() as session:
        hashes = [address_hash(session, f"P{n}@example.com") for n in (3, 4)]
        assert suppressed_among(session, hashes, "email") == {hashes[0]}
    assert opened.vault.derive("session") != filled.vault.derive("session")


def test_secrets_are_left_out_and_listed(filled: Workspace, copy: Workspace, tmp_path: Path) -> None:
    written = write_archive(filled, tmp_path / "one.zip")
    text = b"".join(entries(tmp_path / "one.zip").values())
    assert b"$argon2" not in text
    assert b"gAAAA" not in text  # how encrypted values begin
    assert SECRET.encode() not in text
    assert sorted(written.left_out, key=lambda each: (each["table"], each["of"])) == [
        {"table": "core_api_token", "secret": "*", "of": "1 rows"},
        {"table": "core_connection", "secret": "secrets", "of": "email:news"},
        {"table": "core_user", "secret": "password_hash", "of": "boss@example.com"},
        {"table": "core_user", "secret": "password_hash", "of": "ida@example.com"},
    ]
    found = restore(copy, tmp_path / "one.zip")
    assert found.left_out == written.left_out
    with copy.db.session() as session:
        assert session.scalars(select(Connection.secrets)).all() == [""]


def test_whoever_has_an_account_in_the_copy_keeps_it(
    filled: Workspace, copy: Workspace, tmp_path: Path
) -> None:
    with copy.db.transaction() as session:
        create_user(session, "else@example.com", "Somebody", Role.ADMIN, "third password")
    write_archive(filled, tmp_path / "one.zip")
    assert restore(copy, tmp_path / "one.zip").without_password == ["ida@example.com"]
    with copy.db.session() as session:
        assert authenticate(session, "boss@example.com", "another password")
        assert authenticate(session, "else@example.com", "third password")
        assert not authenticate(session, "boss@example.com", PASSWORD)
        assert not authenticate(session, "ida@example.com", "")
    with copy.db.transaction() as session:  # ids go on behind those that were written
        create_user(session, "new@example.com", "", Role.REP, PASSWORD)
        record(session, [NewEvent("opened", NOW, "test", "new", AgentClass.HUMAN)])


def test_the_copy_publishes_nothing_until_a_person_confirms(
    filled: Workspace, copy: Workspace, tmp_path: Path
) -> None:
    with filled.db.transaction() as session:
        session.execute(update(Publication).values(state="scheduled", superseded_by_id=None))
    write_archive(filled, tmp_path / "one.zip")
    restore(copy, tmp_path / "one.zip")
    opened = again(copy)
    assert opened.fence.reason
    Process(opened).run_until_idle()
    with pytest.raises(Conflict, match="nothing is published"):
        Process(opened).run_one(1)
    with opened.db.session() as session:
        assert set(session.scalars(select(Publication.state))) == {"scheduled"}
    opened.fence.accept()
    Process(opened).run_until_idle()
    with opened.db.session() as session:
        assert set(session.scalars(select(Publication.state))) != {"scheduled"}


def test_media_come_along(filled: Workspace, copy: Workspace, tmp_path: Path) -> None:
    write_archive(filled, tmp_path / "one.zip")
    assert restore(copy, tmp_path / "one.zip").media == 1
    with copy.db.session() as session:
        sha256 = session.scalars(select(media.Media.sha256)).one()
    there = media.path_of(copy.config.media_dir, sha256)
    assert there.read_bytes() == media.path_of(filled.config.media_dir, sha256).read_bytes()


def test_the_file_is_for_its_owner_and_never_written_over(filled: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "one.zip"
    write_archive(filled, path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict, match="exists already"):
        write_archive(filled, path)


# --- what is not whole ------------------------------------------------------------------------------------------------


def changed(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The file with other entries."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    change(found)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in found.items():
            archive.writestr(name, data)
    return path


def in_manifest(**values: Any) -> Callable[[dict[str, bytes]], None]:
    return lambda found: found.update({MANIFEST: json.dumps(json.loads(found[MANIFEST]) | values).encode()})


def of_table(name: str, data: bytes) -> Callable[[dict[str, bytes]], None]:
    """Another content of a table, with the manifest to match."""

    def change(found: dict[str, bytes]) -> None:
        found[f"tables/{name}.jsonl"] = data
        manifest = json.loads(found[MANIFEST])
        manifest["tables"][name] = vars(t.digest(data.splitlines(keepends=True)))
        found[MANIFEST] = json.dumps(manifest).encode()

    return change


FAULTS: dict[str, tuple[Callable[[dict[str, bytes]], Any], type[CmsError], str]] = {
    "no manifest": (lambda found: found.pop(MANIFEST), Invalid, "manifest.json"),
    "manifest of something else": (in_manifest(format="other"), Invalid, "not a workspace"),
    "no keys": (lambda found: found.pop(KEYS), Invalid, "keys.json"),
    "a table is missing": (lambda found: found.pop("tables/core_event.jsonl"), Invalid, "core_event"),
    "a table is cut": (
        lambda found: found.update({"tables/core_event.jsonl": found["tables/core_event.jsonl"][:-20]}),
        Invalid,
        "not what was written",
    ),
    "a path that leads out": (
        lambda found: found.update({"media/../../evil": b"x"}),
        Invalid,
        "does not belong",
    ),
    "another medium": (
        lambda found: found.update({f"media/{'0' * 64}": b"x"}),
        Invalid,
        "not what was written",
    ),
    "another schema": (in_manifest(schema={"core": "0000"}), UpgradeNeeded, "schema 0000 of core"),
    "a plugin that is not here": (in_manifest(schema={"gone": "0001"}), UpgradeNeeded, "of gone"),
    "no JSON": (of_table("core_campaign", b"{nonsense\n"), Invalid, "core_campaign.jsonl, line 1"),
    "an unknown column": (of_table("core_campaign", b'{"evil": 1}\n'), Invalid, "line 1"),
    "a wrong instant": (of_table("core_review", b'{"requested_at": "soon"}\n'), Invalid, "line 1"),
    "references to nothing": (of_table("core_contact", b""), Invalid, "do not fit together"),
}


@pytest.mark.sqlite  # it is the same file from either database: test_out_and_in_and_out_again_is_equal
@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_is_not_whole_changes_nothing(
    filled: Workspace, copy: Workspace, tmp_path: Path, fault: str
) -> None:
    write_archive(filled, tmp_path / "one.zip")
    change, error, words = FAULTS[fault]
    changed(tmp_path / "one.zip", change)
    with pytest.raises(error) as caught:
        restore(copy, tmp_path / "one.zip")
    assert words in caught.value.message
    assert caught.value.remedy
    with copy.db.session() as session:
        assert session.scalars(select(User.email)).all() == ["boss@example.com"]
        assert not session.scalar(select(func.count()).select_from(Contact))
    assert not [path for path in copy.config.media_dir.rglob("*") if path.is_file()]
    assert not (tmp_path / "evil").exists()
    assert again(copy).fence.reason is None
    assert again(copy).vault.derive("token") == copy.vault.derive("token")


def test_what_is_no_zip_file_is_said(copy: Workspace, tmp_path: Path) -> None:
    (tmp_path / "one.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(Invalid, match="cannot be read"):
        restore(copy, tmp_path / "one.zip")


def test_a_workspace_in_use_is_left_alone(filled: Workspace, copy: Workspace, tmp_path: Path) -> None:
    write_archive(filled, tmp_path / "one.zip")
    with copy.db.transaction() as session:
        session.add(Contact(email="a@example.com", extra={}, created_at=NOW, updated_at=NOW))
    with pytest.raises(Conflict, match="core_contact has 1 rows"):
        restore(copy, tmp_path / "one.zip")


# --- into another database --------------------------------------------------------------------------------------------


def test_a_workspace_moves_into_another_database(filled: Workspace, target_url: str) -> None:
    with filled.db.session() as session:
        before = {
            table.name: session.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
            if table.name.startswith("core_")
        }
    rollups.keep_up(filled.db)
    moved = move(filled, target_url)
    assert sum(content.rows for content in moved.tables.values()) > 200
    opened = again(filled)
    assert opened.config.database_url == target_url
    with opened.db.session() as session, filled.db.session() as old:
        for name, content in moved.tables.items():
            if name.startswith("core_") and name != "core_cursor":
                assert (
                    content.rows
                    == before[name]
                    == session.scalar(select(func.count()).select_from(Base.metadata.tables[name]))
                )
        assert counts(session) == counts(old)
        assert authenticate(session, "ida@example.com", PASSWORD)
        assert moved.tables["core_api_token"].rows == 1
        secrets = session.scalars(select(Connection.secrets)).one()
        assert opened.vault.decrypt(secrets)["password"] == SECRET
        constraints = inspect(session.connection()).get_foreign_keys("core_publication")
        assert not any(each["options"].get("deferrable") for each in constraints)
    with opened.db.transaction() as session:
        record(session, [NewEvent("opened", NOW, "test", "new", AgentClass.HUMAN)])
    opened.db.dispose()


def test_the_fence_moves_along_and_shuts_out_the_old_database(filled: Workspace, target_url: str) -> None:
    filled.fence.accept()
    move(filled, target_url)
    filled.fence.forget()
    assert again(filled).fence.reason is None
    assert filled.fence.reason


def test_a_closed_fence_is_not_opened_by_a_move(filled: Workspace, target_url: str) -> None:
    filled.fence.close("this workspace was copied")
    move(filled, target_url)
    assert again(filled).fence.reason == "this workspace was copied"


def test_what_was_read_of_a_ledger_is_known_in_the_new_database(filled: Workspace, target_url: str) -> None:
    """And what was not is read there, wherever the reader stood."""
    reader = Reader("engaged:somebody", Event)
    with filled.db.transaction() as session:
        place = Place(*session.execute(select(Event.xid, Event.id).where(Event.source_id == "70")).one())
        ledger.begin_at(session, reader, place)
    move(filled, target_url)
    opened = again(filled)
    with opened.db.session() as session:
        start = ledger.position(session, reader)
        behind = ledger.after(session, Event, start), ledger.up_to(session, Event, ledger.end(session, Event))
        query = select(Event.source_id).where(*behind).order_by(*ledger.order(session, Event))
        assert session.scalars(query).all() == [str(n) for n in range(71, 100)]
    opened.db.dispose()


def test_a_reader_that_was_overtaken_is_given_what_it_lacks(workspace: Workspace, target_url: str) -> None:
    """Rows that committed out of order stand by their ids in the new database: some are given again, none is lost."""
    if workspace.db.engine.dialect.name == "sqlite":
        pytest.skip("on SQLite ids are in the order of commits")
    rows = [(90, "b"), (91, "a"), (92, "c")]  # xid and name; ids 2, 1, 3
    with workspace.db.transaction() as session:
        record(session, [NewEvent("opened", NOW, "test", name) for name in "abc"])
        for xid, name in rows:
            session.execute(update(Event).where(Event.source_id == name).values(xid=xid))
        reader = Reader("engaged:somebody", Event)
        ledger.begin_at(session, reader, Place(90, 2))  # has read b; a and c are behind it
    move(workspace, target_url)
    opened = again(workspace)
    with opened.db.session() as session:
        behind = ledger.after(session, Event, ledger.position(session, reader))
        assert set(session.scalars(select(Event.source_id).where(behind))) == {"a", "b", "c"}
    opened.db.dispose()


def test_nothing_moves_while_a_worker_is_at_work(filled: Workspace, target_url: str) -> None:
    now = filled.db.clock.now()
    with filled.db.transaction() as session:
        session.add(Worker(name="w", version="1", started_at=now, seen_at=now))
    with pytest.raises(TryLater, match="at work"):
        move(filled, target_url)
    assert (
        "CMS_DATABASE_URL"
        not in (filled.config.home / ".env").read_text().replace(filled.config.database_url, "")
        or again(filled).config.database_url == filled.config.database_url
    )


def test_a_database_that_is_not_empty_is_left_alone(filled: Workspace, copy: Workspace) -> None:
    with pytest.raises(Conflict, match="not empty"):
        move(filled, copy.config.database_url)
    assert again(filled).config.database_url == filled.config.database_url


def test_what_arrives_otherwise_is_not_used(
    filled: Workspace, target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that changes a value on its way in is found out, and left empty."""
    write = t.write

    def bend(connection: Any, table: Any, rows: Any) -> int:
        if table.name == "core_contact":
            rows = (row | {"first_name": row["first_name"][:1]} for row in rows)
        return write(connection, table, rows)

    monkeypatch.setattr(t, "write", bend)
    with pytest.raises(CmsError, match="core_contact has 30 rows here"):
        move(filled, target_url)
    monkeypatch.undo()
    assert again(filled).config.database_url == filled.config.database_url
    assert move(filled, target_url).tables["core_contact"].rows == 30


def test_tables_that_nobody_knows_are_not_left_behind_in_silence(filled: Workspace, target_url: str) -> None:
    with filled.db.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE gone_note (id INTEGER PRIMARY KEY)")
    with pytest.raises(Conflict, match="gone_note"):
        move(filled, target_url)


def test_a_cursor_says_what_it_reads(workspace: Workspace) -> None:
    rollups.keep_up(workspace.db)
    with workspace.db.transaction() as session:
        ledger.begin_at(session, rollups.EVENTS, ledger.START)
        assert session.execute(select(Cursor.name, Cursor.ledger)).all() == [("reports", "core_event")]


# --- the commands -----------------------------------------------------------------------------------------------------


def test_the_commands(cms: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = ("--admin-email", "boss@example.com", "--admin-password", PASSWORD)
    assert cms("init", tmp_path / "ws", *admin).exit_code == 0
    (tmp_path / "people.csv").write_text("email,consent\nann@example.com,yes\n")
    assert cms("contacts", "import", tmp_path / "people.csv").exit_code == 0
    out = json.loads(cms("export", tmp_path / "all.zip", "--json").stdout)
    assert out["tables"]["core_contact"] == 1
    assert [each["of"] for each in out["left_out"]] == ["boss@example.com"]
    monkeypatch.delenv("CMS_DATABASE_URL", raising=False)
    assert cms("init", tmp_path / "two", *admin).exit_code == 0
    monkeypatch.setenv("CMS_HOME", str(tmp_path / "two"))
    document = json.loads(cms("import", tmp_path / "all.zip", "--json").stdout)
    assert (document["rows"], document["fenced"], document["without_password"]) == (out["rows"], True, [])
    assert json.loads(cms("contacts", "list", "--json").stdout)[0]["email"] == "ann@example.com"
    assert json.loads(cms("fence", "status", "--json").stdout)["closed"] is True
    assert "fence accept" in cms("worker", "--until-idle").stderr
    assert json.loads(cms("fence", "accept", "--json").stdout)["closed"] is False
    assert json.loads(cms("fence", "status", "--json").stdout) == {"closed": False, "reason": None}
    target = f"sqlite:///{tmp_path / 'third.db'}"
    moved = json.loads(cms("db", "move", "--to", target, "--json").stdout)
    assert {row["table"]: row["rows"] for row in moved["tables"]}["core_contact"] == 1
    assert load_config(tmp_path / "two", {}).database_url == target
    assert cms("db", "move", "--to", "mysql://x/y").exit_code == 3
    assert cms("import", tmp_path / "none.zip").exit_code == 2
    shutil.rmtree(tmp_path / "two" / "media")
    assert cms("users", "password", "boss@example.com", "--password", "a new password").exit_code == 0
