"""Which column of a deal file is what: our own names, and those of the exports of HubSpot and Salesforce."""

import re
from collections.abc import Mapping, Sequence

from cms_core import Invalid

_ALIASES = {
    "external_id": "externalid id recordid dealid opportunityid crmid hsobjectid",
    "name": "name dealname deal opportunityname opportunity title",
    "company": "company companyname account accountname associatedcompany primaryassociatedcompany organisation organization",
    "domain": "domain companydomain companydomainname website",
    "contacts": "contact contacts email emails contactemail primarycontactemail associatedcontact associatedcontacts",
    "amount": "amount value dealvalue dealamount amountincompanycurrency",
    "currency": "currency currencycode currencyisocode dealcurrencycode dealcurrency amountcurrency opportunitycurrency",
    "stage": "stage dealstage stagename pipelinestage",
    "outcome": "outcome result dealstatus",
    "won": "won iswon isclosedwon",
    "closed": "closed isclosed isdealclosed",
    "lost": "lost islost isclosedlost",
    "closed_at": "closedat closeddate closedate closedon",
    "owner": "owner dealowner opportunityowner owneremail",
}
_FIELD_OF = {alias: field for field, aliases in _ALIASES.items() for alias in aliases.split()}
FIELDS = tuple(_ALIASES)
# What gives another system's export away: names that no other has.
_FORMATS = {
    "hubspot": {"dealname", "dealstage", "dealowner"},
    "salesforce": {
        "opportunityname",
        "opportunityid",
        "stagename",
        "closedate",
        "accountname",
        "isclosed",
        "iswon",
    },
}
LEFT_OUT = "-"


def plain(header: str) -> str:
    """A header without case, spaces and signs."""
    return re.sub(r"[\W_]+", "", header.casefold())


def is_known(header: str) -> bool:
    """Whether a column of this name is understood."""
    return plain(header) in _FIELD_OF


def format_of(header: Sequence[str]) -> str:
    """Which system wrote the file, as far as its columns tell: hubspot, salesforce or csv."""
    names = set(map(plain, header))
    fitting = {name: len(names & signs) for name, signs in _FORMATS.items()}
    best = max(fitting, key=lambda name: fitting[name])
    return best if fitting[best] >= 2 else "csv"


def plan(header: Sequence[str], mapping: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """The columns of each field, those named in ``mapping`` first; raises Invalid when none holds the name of the deal."""
    for column, target in mapping.items():
        if column not in header:
            raise Invalid(
                f"there is no column {column!r}; there are: {', '.join(filter(None, header))}",
                "correct --map",
            )
        if target not in (*FIELDS, LEFT_OUT):
            raise Invalid(
                f"there is no field {target!r}; there are: {', '.join(FIELDS)}", "correct --map COLUMN=field"
            )
    found: dict[str, list[int]] = {}
    for index, name in sorted(enumerate(header), key=lambda each: each[1] not in mapping):
        target = mapping.get(name) or _FIELD_OF.get(plain(name), "")
        if target and target != LEFT_OUT:
            found.setdefault(target, []).append(index)
    if "name" not in found:
        named = ", ".join(filter(None, header))
        raise Invalid(
            f"no column holds the deals' names; the columns are: {named}", "name it: --map COLUMN=name"
        )
    return {field: tuple(indexes) for field, indexes in found.items()}
