"""What sales does: deals that came from elsewhere as a file, a presentation, a deck of it for the largest of them, and links that
people open."""

import csv
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cms_core.demo import people
from cms_core.demo.desk import typed
from cms_core.demo.home import MARKETER, REP, Home, approve
from cms_core.demo.readers import Crowd
from cms_core.errors import CmsError
from cms_core.workspace import Workspace

WARM = 12  # points from which a lead is handed over: the past of the demo is short
SHARED = "northmoor-bakeries"
PRESENTATION = "first-meeting.pptx"
IN_SIGHT = 1.2  # seconds that a page is looked at; a look counts from one second on
_VIEW = 'data-view="'
STEPS = (("us", "Send the security questionnaire"), ("them", "Name two people for the pilot"))
COLUMNS = (
    "external_id", "name", "company", "contacts", "amount", "currency", "stage", "outcome", "closed_at", "owner",
)  # fmt: skip
# Amount in EUR, stage, and how many days before the end of the story it was won or lost.
DEALS = (
    (4800, "Decision", "won", 41),
    (12000, "Decision", "won", 23),
    (3600, "Decision", "lost", 30),
    (9600, "Decision", "won", 9),
    (7200, "Decision", "", 0),
    (15600, "Consideration", "", 0),
    (4800, "Consideration", "", 0),
    (21000, "Consideration", "", 0),
)


def import_deals(place: Home, workspace: Workspace, today: date, *, decided: bool) -> int:
    """The deals as sales keeps them elsewhere: open ones first, weeks later with how some of them ended; returns their number."""
    file = place.files / "deals.csv"
    _write(file, today, decided)
    found = typed(workspace, REP, "deals", "import", str(file))
    return int(found["created"] + found["updated"] + found["unchanged"])


def _write(path: Path, today: date, decided: bool) -> None:
    companies = [name for names in people.COMPANIES.values() for name in names]
    first = {row["Company"]: row["Email"] for row in reversed(people.rows())}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for n, (amount, stage, outcome, ago) in enumerate(DEALS):
            company = companies[n * 3 % len(companies)]
            ended = bool(outcome) and decided
            closed = f"{today - timedelta(days=ago)}" if ended else ""
            cells = (f"L-{100 + n}", f"{company}, Larkfield", company, first[company], amount, "EUR")
            writer.writerow((*cells, stage, outcome if ended else "open", closed, REP.email))


def add_presentation(place: Home, workspace: Workspace) -> str:
    """Marketing's presentation, approved, whose first slide opens each deck; its slug."""
    added = typed(workspace, MARKETER, "sales", "templates", "add", str(place.files / PRESENTATION))
    approve(workspace, added["slug"])
    first = added["slides"][0]["id"]
    typed(
        workspace, MARKETER, "sales", "templates", "rule", added["slug"], first, "--locked", "--pin", "first"
    )
    return str(added["slug"])


@dataclass(frozen=True)
class Opened:
    """A link that was shared and opened: to whom, and the points that they have now."""

    email: str
    asset: str
    points: int


def share_with_warmest(workspace: Workspace, crowd: Crowd) -> Opened:
    """The rep shares a case study with whoever has most points; they open it, and it counts."""
    lead = typed(workspace, REP, "leads", "list")[0]
    made = typed(workspace, REP, "sales", "share", SHARED, "--for", lead["email"], "--expires", "14d")
    _look(crowd, lead["email"], made["url"])
    now = {each["email"]: each["points"] for each in typed(workspace, REP, "leads", "list")}
    return Opened(lead["email"], SHARED, now[lead["email"]])


def share_deck(place: Home, workspace: Workspace, crowd: Crowd, presentation: str) -> str:
    """The rep makes a deck for the largest open deal and shares it; somebody there opens it; the deal gets a room. Returns
    the deck's name."""
    deals = [each for each in typed(workspace, REP, "deals", "list") if each["outcome"] == "open"]
    deal = max(deals, key=lambda each: each["amount"])
    said = ("--for", deal["id"], "--set", "days_to_close=9", "-o", str(place.files / "deck.pptx"))
    deck = typed(workspace, REP, "sales", "decks", "make", presentation, *said)
    reader = deal["contacts"][0]
    link = typed(workspace, REP, "sales", "shares", "add", deck["id"], "--for", reader, "--expires", "14d")
    half = int(IN_SIGHT * 500)
    first, second = (slide["id"] for slide in deck["slides"][:2])
    _look(crowd, reader, link["url"], f"&slide={second}&slides={first}:{half}+{second}:{half}")
    _open_room(workspace, deal, deck["id"])
    return str(deck["name"])


def _open_room(workspace: Workspace, deal: dict[str, Any], deck: str) -> None:
    """A room for the deal, with the deck, a case study and what is to be done next."""
    name, pieces = f"{deal['company']} and Larkfield", ("--item", deck, "--item", SHARED)
    room = typed(workspace, REP, "sales", "rooms", "add", name, "--for", deal["id"], *pieces)
    for who, what in STEPS:
        typed(workspace, REP, "sales", "rooms", "steps", room["id"], "--add", what, "--who", who)


def _look(crowd: Crowd, email: str, url: str, slides: str = "") -> None:
    """Somebody opens a link and keeps it in sight until it counts."""
    reader = crowd.reader(email)
    page = reader.read(url)
    if _VIEW not in page:
        raise CmsError(f"a person's look at {url} was not recorded", "this is a fault: please report it")
    view = page.partition(_VIEW)[2].partition('"')[0]
    time.sleep(IN_SIGHT)
    reader.ask(f"{url}/seen", "POST", f"view={view}&n=1&ms={int(IN_SIGHT * 1000)}{slides}")
