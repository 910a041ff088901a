from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from cms_core.auth import service, tokens
from cms_core.campaigns import feed
from cms_core.content import media
from cms_core.content import service as content
from cms_core.content.models import FormerSlug
from cms_core.notices import invitations, links
from cms_core.services import Services
from cms_core.webhooks import service as webhooks
from cms_sales_enablement import shares

from .addresses import GUESSED
from .house import House, built, picture


@pytest.fixture(scope="module", autouse=True)
def cheap_hashing() -> Iterator[None]:
    """argon2 as ever, but in a moment: what it costs is not the matter here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[House]:
    """One workspace for the tests of a file, which leave each other's things alone."""
    with built(tmp_path_factory.mktemp("house"), migrated_database) as made:
        yield made


@pytest.fixture(scope="module")
def places(house: House) -> dict[str, dict[str, str]]:
    """What stands for a rule's arguments: by the beginning of the rule, then by name."""
    ids, token = house.ids, house.tokens()["ann@people.test"]
    stored = media.take_in(house.workspace.config.media_dir, picture(), "picture.png")
    with house.workspace.db.transaction() as session:
        file = media.record(session, stored).public_id
        calm = content.find(session, "calm")
        secret = feed.renew(session, service.acting_user(session, "viewer@acme.test"))
        session.add(FormerSlug(slug="calm-before", asset_id=calm.id, created_at=calm.created_at))
        admin = service.acting_user(session, None)
        invited = invitations.invite(session, house.workspace, admin, "invited@acme.test", "viewer").link
        door = links.url_of(house.workspace, invited).rpartition("/")[2]
        hook, _ = webhooks.add(session, house.workspace, "https://hooks.example.com/in")
        rep = service.acting_user(session, "rep@acme.test")
        key, _ = tokens.add(session, house.workspace.plugins, rep, rep)
    share = shares.create(Services(house.workspace, "sales_enablement", (rep.id, "web")), "calm")
    deck, lesson = house.deck(), house.training()
    room = house.room(deck)
    return {
        "/app/calendar/entries": {"public_id": ids["entry:calm"]},
        "/app/campaigns": {"public_id": ids["campaign"]},
        "/app/reports": {"public_id": ids["campaign"]},
        "/app/publications": {"public_id": ids["page"]},
        "/app/contacts": {"public_id": ids["contact"]},
        "/app/segments": {"public_id": ids["segment"]},
        "/app/connections": {"public_id": ids["connection:news"], "channel": "email"},
        "/app/users": {"public_id": ids["user:target"]},
        "/app/plugins": {"name": "seo"},
        "/app/p/leads": {"contact": ids["contact"], "public_id": ids["handoff"]},
        "/app/p/leads/static": {"filename": "leads.css"},
        "/app/p/leads/companies": {"public_id": ids["company"]},
        "/app/p/leads/deals": {"public_id": ids["deal"]},
        "/app/content": {"slug": "calm", "name": "0" * 40},
        "/app/content/media": {"public_id": file},
        "/app/content/redirects": {"former": "calm-before"},
        "/app/static": {"filename": "app.css"},
        "/media": {"sha256": stored.sha256, "filename": stored.filename, "size": "w160"},
        "/static/seo": {"version": "v1", "colour": "0d5c47"},
        "/sitemap": {"number": "1"},
        "/t": {"token": token, "n": "1"},
        "/calendar": {"token": secret},
        "/app/calendar/rules/blackouts": {"public_id": ids["blackout"]},
        "/app/limits": {"public_id": ids["cap"], "channel": "email"},
        "/app/calendar/rules/slots": {"public_id": ids["connection:news"]},
        "/app/calendar/rules/series": {"public_id": ids["series"]},
        "/app/p/sales_enablement": {"slug": "calm", "public_id": share.id},
        "/app/p/sales_enablement/decks": {"public_id": deck, "uid": "256", "width": "480", "ref": "block-1"},
        "/app/p/sales_enablement/presentations": {"slug": "pitch", "uid": "256", "width": "480"},
        "/app/p/sales_enablement/rooms": room,
        "/app/p/sales_enablement/training": {"public_id": lesson, "slug": "calm"},
        "/d": {"token": share.url.rpartition("/")[2], "slide": "256", "width": "480", "kind": "pptx"},
        "/d/<token>/<item>": {**room, "slide": "256", "width": "480", "kind": "pptx"},
        "/d/<token>/steps": room,
        "/d/<token>/questions": room,
        "/d/static": {"filename": "share.css"},
        "/app/me/tokens": {"public_id": key.public_id},
        "/app/users/invitations": {"public_id": invited.public_id},
        "/app/join": {"token": door},
        "/app/reset": {"token": door},
        "/app/notices": {"public_id": GUESSED},
        "/app/mail": {"public_id": GUESSED},
        "/app/webhooks": {"public_id": hook.public_id, "message": GUESSED},
        "/": {"path": "calm"},
    }
