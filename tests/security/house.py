"""A whole workspace under attack: every bundled plugin, a user of every role, a published page, a sent mail, a real mail server."""

import hashlib
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from PIL import Image
from pptx import Presentation
from sqlalchemy import select

from cms_core import contract as c
from cms_core.app import create_app
from cms_core.audience import caps, consent, quiet, segments
from cms_core.audience.models import Contact
from cms_core.audience.upsert import upsert_many
from cms_core.auth import service as auth
from cms_core.auth.models import Role, User
from cms_core.campaigns import blackouts, series
from cms_core.campaigns import service as campaigns
from cms_core.campaigns.blackouts import Wanted
from cms_core.campaigns.models import EntryKind
from cms_core.campaigns.when import Mode, When
from cms_core.clock import FrozenClock
from cms_core.config import load_config, write_config
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.publishing import arming
from cms_core.publishing.models import Delivery
from cms_core.publishing.tokens import Tokens
from cms_core.services import Services
from cms_core.testing.client import FormClient
from cms_core.testing.fixtures import NOW
from cms_core.testing.smtp import FaultySmtp
from cms_core.worker import Worker
from cms_core.workspace import Workspace, open_workspace
from cms_leads import deals, handoffs, points
from cms_sales_enablement import (
    blocks,
    decks,
    opening,
    pictures,
    presentations,
    room_questions,
    room_steps,
    rooms,
    training,
)
from cms_sales_enablement.models import Picture
from cms_sales_enablement.schemas import TrainingForm

PASSWORD = "correct horse battery"
DISABLED = "disabled"
SITE = "https://www.acme.test"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CANARY = {
    "secret_key": "canary-of-the-secret-key-0123456789abcdef",
    "password": "canary-of-the-mail-password",
    "environ": "canary-of-the-environment",
}


@dataclass
class House:
    """The workspace, its app, and the ids of what is in it."""

    workspace: Workspace
    app: Flask
    mail: FaultySmtp
    ids: dict[str, str] = field(default_factory=dict)
    clients: dict[str, FormClient] = field(default_factory=dict)

    def client(self) -> FormClient:
        """A browser that knows nothing yet."""
        made = self.app.test_client()
        assert isinstance(made, FormClient)
        made.environ_base["HTTP_USER_AGENT"] = FIREFOX
        return made

    def as_role(self, role: str) -> FormClient:
        """A browser in which somebody of this role is signed in (a new sign-in each time)."""
        made = self.client()
        assert made.sign_in(f"{role}@acme.test", PASSWORD).status_code == 303
        return made

    def signed_in(self, role: str) -> FormClient:
        """The one browser of this role, for tests that do not sign out."""
        if role not in self.clients:
            self.clients[role] = self.as_role(role)
        return self.clients[role]

    def sales(self, role: str) -> Services:
        """The services of sales in the name of somebody."""
        with self.workspace.db.session() as session:
            user = auth.acting_user(session, f"{role}@acme.test")
        return Services(self.workspace, "sales_enablement", (user.id, "web"))

    def deck(self) -> str:
        """A rep's deck of an approved presentation, both with pictures; its id."""
        slides, data = Presentation(), io.BytesIO()
        slides.slides.add_slide(slides.slide_layouts[0]).shapes.title.text = "{{ company.name }}"
        slides.save(data)
        presentations.add(self.sales("marketer"), data.getvalue(), "Pitch.pptx")
        with self.workspace.db.transaction() as session:
            approver = auth.acting_user(session, "approver@acme.test")
            approve_newest(session, self.workspace, content.find(session, "pitch"), approver)
        rep = self.sales("rep")
        told = {"block-1": blocks.checked(rep, "title", {"title": "Ours"})}
        deck = decks.make(rep, "pitch", decks.Wanted(blocks=told))
        (slide,) = presentations.find(rep, "pitch").slides
        drawn = rep.keep_picture(picture(), "slide.png").sha256
        with self.workspace.db.transaction() as session:
            for each in (None, deck):
                key = pictures.key_of(slide, each)
                session.add(
                    Picture(
                        key=key, asset=deck.asset, slide="256", asked_at=NOW, tries=0, wide=drawn, small=drawn
                    )
                )
        return str(deck.public_id)

    def room(self, deck: str) -> dict[str, str]:
        """A rep's room with a deck, a step and a question: their ids, and the token of a link to it."""
        rep = self.sales("rep")
        room = rooms.make(rep, rooms.Wanted("Acme and us", "Acme", pieces=(deck,)))
        token = rooms.share(rep, room.public_id, {}).url.rpartition("/")[2]
        step = room_steps.add(rep, room.public_id, "Meet", "them")
        door = opening.open_share(rep, token)
        assert isinstance(door, opening.OpenedRoom)
        question = room_questions.ask(rep, door, room_questions.Asked("When?"))
        (item,) = rooms.items(rep, room)
        found = {"public_id": room.public_id, "step": step.public_id, "question": question.public_id}
        return {**found, "token": token, "item": item.public_id}

    def training(self) -> str:
        """A training with one lesson; its id."""
        question = {"question": "Why?", "options": ["*Calm", "Haste"]}
        said = {"name": "Calm", "lessons": ["calm"], "questions": [question]}
        return str(training.create(self.sales("marketer"), TrainingForm().load(said)).public_id)

    def work(self) -> None:
        """Publish what is due."""
        worker = Worker(self.workspace, FrozenClock(NOW))
        while worker.work_once():
            pass

    def write(
        self, slug: str, text: str, *, approve: bool = True, imported: bool = False, **more: Any
    ) -> None:
        """Save words, and approve them; ``imported``: as words that came in from elsewhere, approved there."""
        words = {"kind": "article", "title": f"On {slug}", "summary": "Why calm pays", **more}
        with self.workspace.db.transaction() as session:
            author = auth.acting_user(session, "marketer@acme.test")
            before = content.find_or_none(session, slug)
            draft = Draft(slug=slug, body={"text": text}, **words)
            asset = content.save(session, self.workspace.plugins, before, draft, author).asset
            if approve:
                approver = auth.acting_user(session, "approver@acme.test")
                approve_newest(session, self.workspace, asset, approver, imported=imported)

    def publish(self, slug: str, channel: str, connection: str, campaign: str = "", segment: str = "") -> str:
        """Put an approved asset on the calendar, due now, and let it go out; the publication's id."""
        with self.workspace.db.transaction() as session:
            wanted = campaigns.Plan(
                When(Mode.ABSOLUTE, instant=NOW, tz="UTC"),
                asset=content.find(session, slug),
                channel=channel,
                connection=connections.find(session, channel, connection),
                campaign=campaigns.find_campaign(session, campaign) if campaign else None,
                segment=segments.find(session, segment) if segment else None,
            )
            entry = campaigns.plan(session, wanted)
            self.ids[f"entry:{slug}"] = entry.public_id
            public_id = arming.arm(session, self.workspace, entry).public_id
        self.work()
        return public_id

    def tokens(self) -> dict[str, str]:
        """The token in each recipient's mail, by address."""
        signer = Tokens(self.workspace.vault.derive("token"))
        with self.workspace.db.session() as session:
            rows = session.execute(select(Delivery.id, Delivery.address)).all()
        return {row.address: signer.make(row.id) for row in rows}

    def state(self) -> str:
        """A digest of everything that the database holds."""
        digest = hashlib.sha256()
        with self.workspace.db.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            for line in raw.iterdump():
                digest.update(line.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def texts(self) -> str:
        """Everything that the database holds, as text."""
        with self.workspace.db.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            return "\n".join(raw.iterdump())


@contextmanager
def built(folder: Path, database: Path) -> Iterator[House]:
    """A house in a new folder, over a copy of a migrated database."""
    home = folder / "home"
    write_config(home, None, None)
    (home / ".env").write_text(f"CMS_SECRET_KEY={CANARY['secret_key']}\n", encoding="utf-8")
    shutil.copyfile(database, home / "cms.db")
    environ = {
        "CMS_OUTBOUND_ALLOW": "127.0.0.1",
        "CMS_LEASE_SECONDS": "1",
        "CMS_PLUGIN_CANARY": CANARY["environ"],
    }
    opened = open_workspace(load_config(home, environ), clock=FrozenClock(NOW))
    app = create_app(workspace=opened)
    app.test_client_class = FormClient
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False  # what breaks is answered as in production
    with FaultySmtp() as mail:
        house = House(opened, app, mail)
        _people(house)
        _connect(house)
        _fill(house)
        _sell(house)
        try:
            yield house
        finally:
            opened.db.dispose()


def _people(house: House) -> None:
    with house.workspace.db.transaction() as session:
        for role in Role:
            auth.create_user(session, f"{role}@acme.test", role.title(), role, PASSWORD)
        for name in (DISABLED, "target"):
            user = auth.create_user(session, f"{name}@acme.test", name.title(), Role.ADMIN, PASSWORD)
            house.ids[f"user:{name}"] = user.public_id
        gone = session.scalars(select(User).where(User.email == f"{DISABLED}@acme.test")).one()
        auth.disable(session, gone)


def _connect(house: House) -> None:
    news = {
        "host": "127.0.0.1",
        "port": house.mail.port,
        "security": "none",
        "from_address": "news@acme.test",
        "from_name": "Acme News",
        "postal_address": "1 Main Street, Springfield",
    }
    vault = {**news, "username": "acme", "password": CANARY["password"]}
    wanted = (("site", "www", {"base_url": SITE, "title": "Acme Notes"}), ("email", "news", news))
    work = house.workspace
    with work.db.transaction() as session:
        for channel, name, values in (*wanted, ("email", "vault", vault)):
            row = connections.add(session, work.vault, work.plugins, channel, name, values)
            house.ids[f"connection:{name}"] = row.public_id


def _fill(house: House) -> None:
    with house.workspace.db.transaction() as session:
        made = campaigns.create_campaign(
            session, "Launch", date(2026, 5, 1), date(2026, 5, 31), "Europe/Paris"
        )
        house.ids["campaign"] = made.public_id
        fair = Wanted(
            "Fair",
            "show",
            "UTC",
            starts=datetime.combine(made.starts_on, time()),
            ends=datetime.combine(made.ends_on, time()),
        )
        house.ids["blackout"] = blackouts.add(session, fair).public_id
        house.ids["cap"] = caps.add(session, 1_000, 1).public_id
        quiet.set_hours(session, "email", "03:00", "03:01")
        when = When(Mode.ZONED, wall=datetime.combine(made.starts_on, time(9)), tz="UTC")
        serial = series.create(session, campaigns.Plan(when, "Stand-up", EntryKind.TASK), "FREQ=WEEKLY")
        house.ids["series"] = serial.public_id
        people = [c.Contact(id="", email=f"{name}@people.test", first_name=name) for name in ("ann", "bob")]
        house.ids["contact"] = upsert_many(session, people, source="test")[0]
        everybody = session.scalars(select(Contact.id)).all()
        consent.grant(session, everybody, "email", basis="asked", source="test", evidence={})
        segment = segments.create(session, "Everybody", 'email != ""')
        house.ids["segment"] = segment.public_id
    house.write("calm", "Publishing ought to be calm. See [more](https://www.acme.test/more).")
    house.write(
        "letter", "Dear {{ contact.first_name }}, see [the page](https://www.acme.test/calm).", kind="email"
    )
    house.write("draft", "Not ready", approve=False)
    house.ids["entry:draft"] = _planned(house)
    house.ids["page"] = house.publish("calm", "site", "www", "Launch")
    house.ids["sending"] = house.publish("letter", "email", "news", "Launch", "Everybody")


def _sell(house: House) -> None:
    """A company, a deal, and a lead that waits for sales."""
    svc, contact = Services(house.workspace, "leads"), house.ids["contact"]
    house.ids["company"], _ = svc.upsert_company(c.Company("", "Acme"))
    house.ids["deal"] = deals.create(svc, deals.Facts("Rollout", house.ids["company"], (contact,))).public_id
    converted = [c.Event("converted", NOW, "test", str(n), c.AgentClass.HUMAN, contact) for n in range(3)]
    svc.record_events(converted)
    points.refresh(svc, [contact])
    with svc.session() as session:
        (waiting,) = handoffs.waiting(session, 2)
    house.ids["handoff"] = waiting.public_id


def _planned(house: House) -> str:
    """An entry that nobody has armed."""
    with house.workspace.db.transaction() as session:
        when = When(Mode.ABSOLUTE, instant=NOW + timedelta(days=9), tz="UTC")
        return campaigns.plan(session, campaigns.Plan(when, title="An idea", kind=EntryKind.TASK)).public_id


def picture(form: str = "PNG", size: tuple[int, int] = (2, 2)) -> bytes:
    """A small image."""
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, form)
    return out.getvalue()


def fill_in(house: House, address: str, data: dict[str, str]) -> tuple[int, str]:
    """Send a form as the admin; the status and the text of the answer."""
    client = house.signed_in("admin")
    answer = client.post(address, data={**data, "csrf_token": client.token("/app/me")})
    return answer.status_code, answer.text
