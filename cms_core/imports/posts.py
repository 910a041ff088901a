"""A plan of social posts as schedulers export and take it: each row has a text and a time, and becomes a post on the calendar.

The post's slug is made from what it says, so the same file makes the same posts once. Nothing is fetched: links and pictures stay
at their addresses.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cms_core.auth.models import User
from cms_core.content import service
from cms_core.content.drafts import BadField, Draft
from cms_core.content.models import Asset
from cms_core.content.slugs import slugify
from cms_core.csvfile import CsvFile
from cms_core.errors import Invalid
from cms_core.imports.dates import day_comes_first, plain_when
from cms_core.imports.plan_names import RowFault, Sought

KIND = "social-post"
MAX_TITLE, MAX_SLUG_WORDS = 80, 60
_NAMES = {
    "text": "text post content message caption copy tweet body posttext postcontent postcopy postbody",
    "link": "link url linkurl links",
    "image": "image images media picture photo imageurl imageurls mediaurl mediaurls pictureurl imagelink picturelink gifurl",
    "when": (
        "when scheduledat scheduleat scheduled datetime dateandtime datetimescheduled postat publishat postatspecifictime "
        "scheduledate scheduleddate scheduledatetime"
    ),
    "date": "date day postdate publishdate postingdate",
    "time": "time hour posttime postingtime publishtime scheduledtime",
    "profile": "profile profiles account accounts accountname connection network platform platforms socialprofile page",
    "channel": "channel channels",
    "tags": "tags labels",
    "title": "title",
    "campaign": "campaign",
    "tz": "tz timezone",
}
_COLUMN_OF = {name: column for column, names in _NAMES.items() for name in names.split()}
# Where a fault of a plan's column is in a sheet of posts: the first of these that the sheet has.
_PLACES = {"when": ("when", "date", "time"), "connection": ("profile", "channel"), "asset": ("text",)}


@dataclass(frozen=True)
class Sheet:
    """A file of posts: where each column that is used stands, and how its days are written."""

    columns: Mapping[str, int]
    header: tuple[str, ...]
    unused: tuple[str, ...]
    day_first: bool | None

    def cell(self, cells: Sequence[str], column: str) -> str:
        """A cell by the name of its column, "" where the sheet has none."""
        return cells[self.columns[column]].strip() if column in self.columns else ""

    def place(self, column: str) -> str:
        """How the sheet calls a column of a plan."""
        found = (name for name in _PLACES.get(column, (column,)) if name in self.columns)
        return next((self.header[self.columns[name]] for name in found), column)


def column_of(header: str) -> str | None:
    """What a column of a sheet of posts is, by its name."""
    return _COLUMN_OF.get(re.sub(r"[\W_]+", "", header.casefold()))


def read_sheet(file: CsvFile) -> Sheet | None:
    """The sheet, if this is one of posts and not a plan of assets."""
    columns: dict[str, int] = {}
    unused = []
    for index, name in enumerate(file.header):
        column = column_of(name)
        if column and column not in columns:
            columns[column] = index
        elif name:
            unused.append(name)
    plain = {name.strip().lower() for name in file.header}
    if "asset" in plain or "text" not in columns or not {"when", "date", "time"} & set(columns):
        return None
    places = [columns[name] for name in ("when", "date", "time") if name in columns]
    days = (row.cells[place] for row in file.rows() if not row.fault for place in places)
    return Sheet(columns, file.header, tuple(unused), day_comes_first(days))


def read_post(
    session: Session, sought: Sought, sheet: Sheet, cells: Sequence[str], author: User
) -> tuple[dict[str, str], list[RowFault]]:
    """The cells of a plan's row for a row of the sheet, its post made if there is none yet; and what is wrong with it."""
    faults: list[RowFault] = []
    row = {name: sheet.cell(cells, name) for name in ("title", "campaign", "tz")}
    row["kind"] = "publish"
    try:
        row["when"] = _when(sheet, cells)
    except Invalid as error:
        faults.append(RowFault("when", error.message, error.remedy))
    try:
        row |= _place(sought, sheet, cells)
    except RowFault as fault:
        faults.append(fault)
    if not all(
        each.lower().startswith(("http://", "https://")) for each in sheet.cell(cells, "link").split()
    ):
        faults.append(RowFault("link", "this is no web address", "write it with https://"))
    if not faults:
        try:
            row["asset"] = _post(session, sought, sheet, cells, author).slug
        except BadField as error:
            faults.append(RowFault("asset", error.message, error.remedy))
    return row, faults


def _when(sheet: Sheet, cells: Sequence[str]) -> str:
    written = [sheet.cell(cells, name) for name in ("when", "date", "time")]
    return plain_when(" ".join(each for each in written if each), sheet.day_first)


def _place(sought: Sought, sheet: Sheet, cells: Sequence[str]) -> dict[str, str]:
    """Channel and connection: a profile is named by connection, or by a channel that has but one."""
    channel, profile = sheet.cell(cells, "channel"), sheet.cell(cells, "profile")
    found = sought.profile(profile or channel, channel if profile else "")
    return {"channel": found.channel, "connection": found.name} if found else {}


def _post(session: Session, sought: Sought, sheet: Sheet, cells: Sequence[str], author: User) -> Asset:
    text, link, image = (sheet.cell(cells, name) for name in ("text", "link", "image"))
    if not text and not link:
        raise BadField("text", "the post has no text", "write one")
    pictures = [
        f"![]({each})" for each in re.split(r"[\s,;|]+", image) if each.startswith(("http://", "https://"))
    ]
    body = "\n\n".join([text, *([link] if link and link not in text else []), *pictures]).strip()
    digest = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    words = " ".join((text or link).split())
    slug = f"{slugify(words[:MAX_SLUG_WORDS]) or 'post'}-{digest}"
    known = service.find_or_none(session, slug)
    if known is None:
        title = sheet.cell(cells, "title") or (
            words if len(words) <= MAX_TITLE else f"{words[: MAX_TITLE - 1]}…"
        )
        tags = [each.lstrip("#") for each in re.split(r"[,;|]", sheet.cell(cells, "tags")) if each.strip()]
        draft = Draft(KIND, title, body={"text": body}, slug=slug, tags=[each.strip() for each in tags])
        known = service.save(session, sought.plugins, None, draft, author).asset
    sought.add_asset(known)
    return known
