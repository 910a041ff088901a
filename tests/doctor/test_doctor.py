"""``cms doctor``: each thing that can be wrong is found, named, and comes with what to do; nothing that is wrong stops it."""

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text, update

from cms_core import db
from cms_core.connections import service as connections
from cms_core.connections.models import Connection
from cms_core.content import media
from cms_core.db import now
from cms_core.doctor import machine
from cms_core.doctor.checks import CHECKS, examine
from cms_core.publishing.models import Publication, Worker
from cms_core.rounds import Round
from cms_core.workspace import Workspace
from tests.doctor.conftest import Cms, NameServer, Said, arm_one

Doctor = Callable[..., tuple[int, Said]]
MAIL = {
    "host": "127.0.0.1",
    "security": "none",
    "postal_address": "1 Main St",
    "username": "acme",
    "password": "canary-smtp-9",
}


def levels(said: Said, check: str) -> set[str]:
    return {level for level, _, _ in said[check]}


def only(said: Said, check: str) -> tuple[str, str, str]:
    (found,) = said[check]
    return found


# --- in order ---------------------------------------------------------------------------------------------------------


def test_a_new_workspace_is_in_order_but_for_its_worker(doctor: Doctor) -> None:
    code, said = doctor()
    assert code == 0
    assert list(said) == [check.name for check in CHECKS]
    assert {check for check in said if levels(said, check) != {"ok"}} == {"worker", "mail"}
    assert only(said, "worker")[0] == "warning"
    assert only(said, "mail") == ("note", "not looked up: offline", "")


def test_people_read_it_in_lines_with_what_to_do(ready: Cms) -> None:
    result = ready("doctor", "--offline")
    assert result.exit_code == 0
    assert "✓ fence         open: what is due is published\n" in result.stdout
    assert "! worker        no worker has ever been seen\n                → start `cms run`" in result.stdout


def test_it_changes_nothing(ready: Cms, tmp_path: Path) -> None:
    ready("doctor", "--offline")
    before = set((tmp_path / "ws").rglob("*"))
    ready("doctor", "--offline")
    assert set((tmp_path / "ws").rglob("*")) == before


# --- the database -----------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_is_told_and_the_rest_looked_at(
    ready: Cms, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("CMS_DATABASE_URL", f"postgresql://someone:canary-db-7@127.0.0.1:{port}/cms")
    code, said = doctor()
    assert code == 1
    level, message, remedy = only(said, "database")
    assert level == "error"
    assert "refused" in message
    assert "server runs" in remedy
    assert only(said, "disk")[0] == only(said, "plugins")[0] == "ok"
    assert only(said, "due") == ("note", "not looked at: the database cannot be used", "")
    assert "canary" not in str(said)


@pytest.mark.sqlite
def test_a_server_that_does_not_even_refuse_is_not_waited_for(
    ready: Cms, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(
            "CMS_DATABASE_URL", f"postgresql://someone@127.0.0.1:{silent.getsockname()[1]}/cms"
        )
        code, said = doctor()
    assert (code, "timeout" in only(said, "database")[1]) == (1, True)


@pytest.mark.sqlite
@pytest.mark.parametrize("content", [None, b"no database at all" * 400])
def test_a_file_that_is_missing_or_none_is_told_and_not_made(
    ready: Cms, doctor: Doctor, tmp_path: Path, content: bytes | None
) -> None:
    for left in (tmp_path / "ws").glob("cms.db*"):
        left.unlink()
    if content is not None:
        (tmp_path / "ws" / "cms.db").write_bytes(content)
    code, said = doctor()
    assert (code, levels(said, "database")) == (1, {"error"})
    assert (tmp_path / "ws" / "cms.db").exists() is (content is not None)


@pytest.mark.sqlite
def test_a_damaged_file_is_told(opened: Workspace, doctor: Doctor) -> None:
    with opened.db.engine.begin() as connection:
        connection.execute(text("CREATE INDEX core_wrong ON core_user (email)"))
        connection.execute(text("PRAGMA writable_schema = ON"))
        connection.execute(
            text(
                "UPDATE sqlite_master SET sql = 'CREATE INDEX core_wrong ON core_user (name)' WHERE name = 'core_wrong'"
            )
        )
    with opened.db.engine.begin() as connection:
        connection.execute(text("UPDATE core_user SET name = 'Somebody'"))
    opened.db.dispose()
    path = Path(str(opened.db.engine.url.database))
    data = bytearray(path.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    for at in range(page * 8, len(data), page * 3):
        data[at : at + 64] = b"\xff" * 64
    path.write_bytes(data)
    code, said = doctor()
    assert code == 1
    assert "error" in levels(said, "database")


def test_tables_of_another_version_are_told(opened: Workspace, doctor: Doctor) -> None:
    with opened.db.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version_core"))
    code, said = doctor()
    assert code == 1
    level, message, remedy = only(said, "migrations")
    assert (level, "core has none" in message) == ("error", True)
    assert "cms db upgrade" in remedy
    assert only(said, "worker")[1].startswith("not looked at")


def test_tables_of_a_newer_program_are_told(opened: Workspace, doctor: Doctor, ready: Cms) -> None:
    with opened.db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version_core SET version_num = '9999'"))
    level, message, remedy = only(doctor()[1], "migrations")
    assert (level, "schema 9999 of core" in message) == ("error", True)
    assert "install the version" in remedy
    for command in (("status",), ("db", "upgrade")):
        refused = ready(*command)
        assert (refused.exit_code, "it is newer" in refused.stderr) == (4, True), refused.stderr


def test_a_configuration_that_cannot_be_read_is_a_finding(ready: Cms, doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "ws" / "cms.toml").write_text("port = = 1")
    code, said = doctor()
    assert code == 1
    assert only(said, "configuration")[0] == "error"


READ_ONLY = b"\x03"  # as the version that is needed to write: no SQLite has it


def test_a_database_that_takes_nothing_is_told(opened: Workspace, doctor: Doctor) -> None:
    if opened.db.engine.dialect.name == "sqlite":
        opened.db.dispose()
        with Path(str(opened.db.engine.url.database)).open("r+b") as file:
            file.seek(18)
            file.write(READ_ONLY)
    else:
        with opened.db.engine.begin() as connection:
            name = connection.execute(text("SELECT current_database()")).scalar()
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    code, said = doctor()
    assert code == 1
    assert any("read" in message and "only" in message for _, message, _ in said["database"])


# --- the machine ------------------------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_clock_that_went_back_is_told(opened: Workspace, doctor: Doctor) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    with opened.db.transaction() as session:
        session.add(Worker(name="w", version="1", started_at=ahead, seen_at=ahead))
    level, message, _ = only(doctor()[1], "clock")
    assert level == "error"
    assert "3600 s away from what was written here last" in message or "3599 s" in message


class Shifted(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) - timedelta(seconds=20)


def test_a_clock_apart_from_that_of_the_database_is_told(
    opened: Workspace, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened.db.transaction() as session:
        session.add(Worker(name="w", version="1", started_at=now(session), seen_at=now(session)))
    monkeypatch.setattr(machine, "datetime", Shifted)
    level, message, _ = only(doctor()[1], "clock")
    assert level == "warning", message


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free", "level"), [(50 << 20, "error"), (500 << 20, "warning"), (5 << 30, "ok")])
def test_a_disk_without_room_is_told(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage(10 << 30, 0, free))
    code, said = doctor()
    assert (levels(said, "disk"), code) == ({level}, int(level == "error"))


# --- keys, fence, plugins, files --------------------------------------------------------------------------------------


def test_keys_that_others_can_read_are_told(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "ws" / ".env").chmod(0o644)
    code, said = doctor()
    assert code == 1
    assert said["secrets"][0][2] == f"chmod 600 {tmp_path / 'ws' / '.env'}"


def test_secrets_that_the_key_does_not_open_are_told_by_name(
    ready: Cms, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [f"{name}={value}" for name, value in (MAIL | {"from_address": "a@example.com"}).items()]
    ready("connections", "add", "email", "news", *(word for each in values for word in ("--set", each)))
    assert levels(doctor()[1], "secrets") == {"ok"}
    monkeypatch.setenv("CMS_SECRET_KEY", "x" * 40)
    code, said = doctor()
    assert code == 1
    assert "email:news" in only(said, "secrets")[1]


def test_a_workspace_without_a_key_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMS_SECRET_KEY", "short")
    code, said = doctor()
    assert (code, list(said)) == (1, ["configuration"])


def test_a_closed_fence_is_told(opened: Workspace, doctor: Doctor) -> None:
    opened.fence.close("this workspace was copied")
    code, said = doctor()
    assert code == 1
    assert "this workspace was copied" in only(said, "fence")[1]
    assert "cms fence accept" in only(said, "fence")[2]


def test_a_plugin_that_cannot_be_loaded_is_told(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "ws" / "plugins" / "broken.py").write_text("raise RuntimeError('no')\n")
    code, said = doctor()
    assert code == 1
    assert only(said, "plugins")[1].startswith("broken: ")


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_file_that_is_gone_or_changed_is_told(
    opened: Workspace, doctor: Doctor, tmp_path: Path, damage: str
) -> None:
    stored = media.take_in(opened.config.media_dir, b"%PDF-1.4 words", "words.pdf")
    with opened.db.transaction() as session:
        media.record(session, stored)
    assert levels(doctor()[1], "media") == {"ok"}
    path = media.path_of(opened.config.media_dir, stored.sha256)
    path.unlink()
    if damage == "changed":
        path.write_bytes(b"%PDF-1.4 other")
    code, said = doctor()
    assert (code, stored.sha256[:12] in only(said, "media")[1]) == (1, True)


# --- publishing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "level"), [(2, "ok"), (10, "warning"), (90, "error")])
def test_what_is_due_for_long_is_told(
    ready: Cms, doctor: Doctor, tmp_path: Path, minutes: int, level: str
) -> None:
    arm_one(ready, tmp_path, datetime.now(UTC) - timedelta(minutes=minutes))
    code, said = doctor()
    assert (only(said, "due")[0], code) == (level, int(level == "error"))


def test_the_heart_of_a_worker_is_listened_to(opened: Workspace, doctor: Doctor) -> None:
    at = datetime.now(UTC)
    with opened.db.transaction() as session:
        session.add(Worker(name="w1", version="1", started_at=at, seen_at=at))
    assert only(doctor()[1], "worker")[0] == "ok"
    with opened.db.transaction() as session:
        session.execute(update(Worker).values(seen_at=at - timedelta(minutes=5)))
    assert only(doctor()[1], "worker")[0] == "warning"


def test_jobs_that_nobody_has_done_are_missed(opened: Workspace, doctor: Doctor) -> None:
    at = datetime.now(UTC)
    with opened.db.transaction() as session:
        session.add(Worker(name="w1", version="1", started_at=at, seen_at=at))
        session.add(Round(name="job:ads:costs", next_at=at + timedelta(minutes=1)))
        session.add(Round(name="job:ads:rates", next_at=at - timedelta(hours=1)))
    assert only(doctor()[1], "worker")[0] == "ok"
    with opened.db.transaction() as session:
        session.execute(update(Round).values(next_at=at - timedelta(hours=1)))
    assert levels(doctor()[1], "worker") == {"ok", "warning"}


@pytest.mark.parametrize(
    ("state", "level"), [("unknown", "warning"), ("missed", "warning"), ("held", "note")]
)
def test_what_waits_for_a_person_is_counted(
    ready: Cms, opened: Workspace, doctor: Doctor, tmp_path: Path, state: str, level: str
) -> None:
    arm_one(ready, tmp_path, datetime.now(UTC) + timedelta(days=1))
    with opened.db.transaction() as session:
        session.execute(update(Publication).values(state=state))
    found = only(doctor()[1], "publications")
    assert found[:2] == (level, f"1 publications are {state}")


@pytest.mark.parametrize(
    ("values", "level", "words"),
    [
        ({}, "note", "was never tried"),
        ({"state": "broken", "reason": "the token was revoked"}, "error", "is broken: the token was revoked"),
        ({"state": "ok", "failures": 5, "circuit_reason": "no answer", "probe_at": datetime.now(UTC)}, "warning", "rests"),
        ({"state": "ok", "expires_at": datetime.now(UTC) + timedelta(days=3)}, "warning", "ends "),
        ({"state": "ok", "expires_at": datetime.now(UTC) - timedelta(days=3)}, "error", "ended "),
        ({"state": "ok", "channel": "gone"}, "error", "plugin of this channel is missing"),
        ({"state": "ok"}, "ok", "1 connections are in order"),
    ],
)  # fmt: skip
def test_accounts_are_looked_at_without_connecting(
    opened: Workspace, doctor: Doctor, values: dict[str, object], level: str, words: str
) -> None:
    with opened.db.transaction() as session:
        web = {"base_url": "http://127.0.0.1:9"}
        connections.add(session, opened.vault, opened.plugins, "site", "web", web)
        session.execute(update(Connection).values(**values) if values else text("SELECT 1"))
    found = only(doctor()[1], "connections")
    assert (found[0], words in found[1]) == (level, True), found


# --- mail -------------------------------------------------------------------------------------------------------------


def add_mail(opened: Workspace, sender: str) -> None:
    with opened.db.transaction() as session:
        connections.add(
            session, opened.vault, opened.plugins, "email", sender, {**MAIL, "from_address": sender}
        )


@pytest.mark.sqlite
def test_the_records_of_a_sender_are_looked_up(
    opened: Workspace, doctor: Doctor, name_server: NameServer
) -> None:
    add_mail(opened, "news@mail.acme-shop.org")
    name_server.records = {
        "mail.acme-shop.org": "v=spf1 include:mailer.org -all",
        "s1._domainkey.mail.acme-shop.org": "v=DKIM1; p=abc",
        "_dmarc.acme-shop.org": "v=DMARC1; p=reject",
    }
    assert only(doctor("--json")[1], "mail") == ("ok", "mail.acme-shop.org has SPF, DKIM and DMARC", "")
    for name, word in zip(list(name_server.records), ("SPF", "DKIM", "DMARC"), strict=True):
        kept = name_server.records.pop(name)
        level, message, remedy = only(doctor("--json")[1], "mail")
        assert (level, f"no {word} (" in message, bool(remedy)) == ("warning", True, True)
        name_server.records[name] = kept


@pytest.mark.sqlite
def test_a_name_server_that_is_silent_is_no_fault_of_the_sender(
    opened: Workspace, doctor: Doctor, name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cms_core.doctor import mail

    monkeypatch.setattr(mail, "SECONDS", 0.2)
    name_server.silent = True
    add_mail(opened, "news@acme-shop.org")
    level, message, _ = only(doctor("--json")[1], "mail")
    assert (level, "no name server answered" in message) == ("note", True)


@pytest.mark.sqlite
@pytest.mark.parametrize("domain", ["example.com", "shop.example", "a.test", "mail.localhost"])
def test_names_that_nobody_can_have_are_not_looked_up(opened: Workspace, doctor: Doctor, domain: str) -> None:
    add_mail(opened, f"news@{domain}")
    level, message, _ = only(doctor("--json")[1], "mail")
    assert (level, message.startswith(f"{domain}: not looked up")) == ("note", True)


# --- itself -----------------------------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_check_that_fails_is_a_finding_of_its_own_without_secrets(
    opened: Workspace, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = opened.config.secret_key

    def breaks(*_: object) -> None:
        raise RuntimeError(f"no such thing as {key}\n")

    monkeypatch.setattr("cms_core.doctor.publishing.status.worker", breaks)
    found = [each for each in examine(opened, offline=True) if each.check == "worker"]
    assert [(each.level, each.message) for each in found] == [
        ("error", "the check itself failed: RuntimeError: no such thing as (hidden)")
    ]
    assert os.environ.get("CMS_HOME")
