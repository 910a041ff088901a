"""The fields of a contact: those that every workspace has, and the workspace's own.

Names are ``[a-z][a-z0-9_]*``: "Lead Score" is the field ``lead_score``. Values of own fields are kept as text; segment rules
compare them as numbers or dates where the rule gives a number or a date.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience.models import CustomField
from cms_core.dialect import insert_missing
from cms_core.errors import Invalid
from cms_core.zones import zone_names

# Built-in text fields and how long they may be (characters).
MAX_LENGTH = {
    "first_name": 200,
    "last_name": 200,
    "company": 200,
    "country": 80,
    "language": 35,
    "timezone": 64,
}
BUILT_IN = ("email", *MAX_LENGTH)
MAX_CUSTOM_LENGTH = 10_000
MAX_NAME_LENGTH = 60
# An own field must not take the name of something else that a contact has, nor a word of the segment language.
RESERVED = frozenset(
    "id public_id consent source created_at updated_at fields and or not in like is empty within".split()
)
LEFT_OUT = "-"  # where a column goes that nobody wants
# How the columns of other people's files are called, written without case, spaces and signs.
_ALIASES = {
    "email": (
        "email emailaddress emailid mail mailaddress emailadresse adresseemail courriel correoelectrónico "
        "direccióndecorreoelectrónico"
    ),
    "first_name": "firstname givenname forename vorname prénom",
    "last_name": "lastname surname familyname nachname nomdefamille apellidos",
    "company": "company companyname organisation organization firma unternehmen unternehmensname entreprise empresa",
    "country": "country countryname countrycode countryregion land landregion pays paysrégion país",
    "language": "language lang locale preferredlanguage sprache langue idioma",
    "timezone": "timezone tz zeitzone",
    "consent": "consent emailconsent",
}
_FIELD_OF = {alias: field for field, aliases in _ALIASES.items() for alias in aliases.split()}


def field_of_header(header: str) -> str:
    """The field that a column's name means: a built-in one, "consent", or the name of an own field."""
    return _FIELD_OF.get(plain(header)) or custom_name(header)


def is_built_in_header(header: str) -> bool:
    """Whether a column of this name goes into a field that every workspace has."""
    return plain(header) in _FIELD_OF


def plain(header: str) -> str:
    """A column's name as names are compared: without case, spaces and signs."""
    return re.sub(r"[\W_]+", "", header.casefold())


def custom_name(label: str) -> str:
    """The name of the own field with this label; a label without Latin letters gets a name made from its hash."""
    plain = unicodedata.normalize("NFKD", label.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not name:
        return f"field_{_digest(label.casefold())}"
    if name in RESERVED or name in BUILT_IN or not name[0].isalpha():
        name = f"custom_{name}"
    if len(name) > MAX_NAME_LENGTH:
        name = f"{name[: MAX_NAME_LENGTH - 9]}_{_digest(name)}"
    return name


def clean(field: str, text: str) -> str:
    """The value as it is stored; raises Invalid that names the field and what is wrong."""
    limit = MAX_LENGTH.get(field, MAX_CUSTOM_LENGTH)
    if len(text) > limit:
        raise Invalid(f"{field} has {len(text):,} characters, at most {limit:,} are kept", "shorten it")
    if "\0" in text:
        raise Invalid(f"{field} contains a NUL character", "take it out")
    if field == "timezone" and text:
        zone = _zones().get(text.casefold())
        if zone is None:
            raise Invalid(f"timezone {text!r} is unknown", 'give an IANA name such as "Europe/Paris"')
        return zone
    return text


def to_text(value: Any) -> str:
    """A value of an own field as the text that is stored; None is empty. Raises Invalid for lists and the like."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat()
        case str() | int() | float():
            return str(value)
    raise Invalid(f"a contact's field cannot hold a {type(value).__name__}", "give text, a number or a date")


def register(session: Session, labels: Mapping[str, str]) -> None:
    """Make own fields known, name → label; those already known keep their label."""
    insert_missing(
        session,
        CustomField,
        [{"name": name, "label": label[:200], "type": "text"} for name, label in labels.items()],
    )


def known(session: Session) -> dict[str, str]:
    """The workspace's own fields, name → label, in order of their names."""
    rows = session.execute(select(CustomField.name, CustomField.label).order_by(CustomField.name))
    return dict(rows.all())


@cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in zone_names()}


def _digest(text: str) -> str:
    return hashlib.blake2s(text.encode(errors="surrogatepass"), digest_size=4).hexdigest()
