"""What channels are given, and what happens when their checks say something or break."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from marshmallow import Schema
from PIL import Image
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.auth.service import create_user
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.connections.models import Connection
from cms_core.content import service
from cms_core.content.drafts import BadField, Draft
from cms_core.content.media import record, take_in, url_path
from cms_core.content.placements import check_placement, make_placement, to_contract
from cms_core.content.revisions import head_of
from cms_core.db import now
from cms_core.hookspecs import hookimpl
from cms_core.workspace import Workspace, open_workspace


class Board(c.Channel):
    """A notice board that takes short articles, and breaks on the words "crash" and "exit"."""

    name, label, group, asset_kinds = "board", "Board", "walls", ("article",)
    connection_schema = Schema
    idempotency = c.IdempotencyRule(c.Idempotency.NATURAL)

    def test(self, link: c.Link) -> c.Identity:
        return c.Identity("board")

    def check(self, placement: c.Placement) -> Iterable[c.Finding]:
        if "crash" in placement.asset.body["text"]:
            raise RuntimeError("out of chalk")
        if "exit" in placement.asset.body["text"]:
            raise SystemExit("gone")
        if len(placement.asset.body["text"]) > placement.settings.get("size", 10):
            yield c.Finding(c.Level.ERROR, "text", "too long")

    def preview(self, placement: c.Placement) -> c.Preview:
        return c.Preview(placement.asset.title)

    def prepare(self, link: c.Link, placement: c.Placement, progress: c.Json | None) -> c.Prepared:
        return c.Prepared({})

    def publish(self, link: c.Link, prepared: c.Prepared, key: str, previous: c.Receipt | None) -> c.Receipt:
        return c.Receipt("1")

    def reconcile(self, link: c.Link, prepared: c.Prepared, key: str) -> None:
        return None


@pytest.fixture
def workspace(migrated_config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    plugin = SimpleNamespace(api="1", register_channels=hookimpl(lambda: [Board()]))
    opened = open_workspace(migrated_config, clock=clock, plugins=(), extra_plugins=[("walls", plugin)])
    yield opened
    opened.db.dispose()


def place(
    session: Session, workspace: Workspace, draft: Draft, connection: Connection | None = None
) -> c.Placement:
    author = create_user(session, "ann@example.com", "Ann", "admin", "a long password")
    revision = service.save(session, workspace.plugins, None, draft, author)
    return make_placement(session, workspace, revision, "board", connection, due_at=now(session))


def test_a_placement_holds_the_words_of_its_channel_and_connection(
    session: Session, workspace: Workspace
) -> None:
    hall = Connection(channel="board", name="hall", settings={"size": 99}, created_at=now(session))
    draft = Draft(
        "article",
        "Title",
        body={"text": "long words"},
        variants={"walls": {"title": "W"}, "board": {"text": "B"}, "board:hall": {"text": "H"}},
    )
    placement = place(session, workspace, draft, hall)
    assert (placement.asset.title, placement.asset.body, placement.settings) == (
        "W",
        {"text": "H"},
        {"size": 99},
    )
    assert (placement.connection, placement.due_at.tzinfo is not None, placement.asset.author) == (
        "hall",
        True,
        "Ann",
    )
    head = head_of(session, service.find(session, "title"))
    assert to_contract(session, workspace, head).title == "Title"


def test_files_come_with_path_address_and_alternative_text(
    session: Session, workspace: Workspace, tmp_path: Path
) -> None:
    rows = []
    for colour in ("red", "blue"):
        Image.new("RGB", (2, 2), colour).save(tmp_path / "x.png")
        rows.append(
            record(
                session,
                take_in(workspace.config.media_dir, (tmp_path / "x.png").read_bytes(), colour),
                colour,
            )
        )
    text = f"![]({url_path(rows[1])}) ![]({url_path(rows[0])})"
    media = place(session, workspace, Draft("article", "T", body={"text": text})).asset.media
    assert [each.alt for each in media] == ["blue", "red"], "in the order in which they are shown"
    assert Path(media[0].path).read_bytes().startswith(b"\x89PNG")
    assert media[0].url == f"http://127.0.0.1:8000{url_path(rows[1])}"


def test_files_that_are_not_stored_are_refused(session: Session, workspace: Workspace) -> None:
    with pytest.raises(BadField, match="not stored"):
        place(session, workspace, Draft("article", "T", body={"text": f"/media/{'a' * 64}/x.png"}))


@pytest.mark.parametrize(
    ("draft", "found"),
    [
        (Draft("article", "T", body={"text": "short"}), []),
        (Draft("article", "T", body={"text": "much too long"}), [("text", "too long")]),
        (Draft("faq", "T", body={"text": "short"}), [("kind", "Board takes article; this is faq")]),
        (Draft("article", "T", body={"text": "crash"}), [("", "the check of Board failed: out of chalk")]),
        (Draft("article", "T", body={"text": "exit"}), [("", "the check of Board failed: gone")]),
    ],
)
def test_checks_are_heard_and_their_faults_are_errors(
    session: Session, workspace: Workspace, draft: Draft, found: list[tuple[str, str]]
) -> None:
    findings = check_placement(workspace, place(session, workspace, draft))
    assert [(each.field, each.message) for each in findings] == found
    assert all(each.level is c.Level.ERROR for each in findings)
    assert bool(workspace.plugins.faults) == (draft.body["text"] in ("crash", "exit"))
