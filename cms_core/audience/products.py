"""Contact files of other products: how each is told by its columns, and which columns are more than a field.

What a column says of consent is a *signal*; its names begin with @ and may also be given by hand (``--map "Labels=@tags"``).
Headers are compared without case, spaces and signs. A file that no product is known by is "csv".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cms_core.audience import fields

# What a signal makes of a cell, in the words of the form that shows where columns go.
SIGNALS = {
    "@unsubscribed": "Unsubscribed: filled or yes means so",
    "@do_not_contact": "Do not contact: unsubscribed or bounced",
    "@declined": "Declined: filled or yes means no consent",
    "@agreed": "Agreed: a time or yes means consent",
    "@status": "Status: subscribed, unsubscribed, cleaned, …",
    "@bounced": "Bounced for good: filled or yes means so",
    "@evidence": "Evidence: kept with the consent",
    "@tags": "Tags or lists: a static segment for each",
    "@name": "Whole name: first word, other words",
    "@attributes": "JSON: a field of your own for each key",
}
CONSENT_SIGNALS = frozenset(SIGNALS) - {"@tags", "@name", "@attributes", "@evidence"}
TELLING_YES = frozenset({"@agreed", "@status"})


@dataclass(frozen=True)
class Product:
    """A product whose exports are known. One of ``marks`` (sets of columns) tells it; ``columns`` are those that need a word."""

    name: str
    label: str = ""
    marks: tuple[frozenset[str], ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)

    def target(self, header: str) -> str:
        """Where a column goes: a field, a signal, an own field, or ``fields.LEFT_OUT``."""
        plain = fields.plain(header)
        if self.name == "hubspot" and plain.startswith("optedoutofemail"):
            return "@declined"
        return self.columns.get(plain) or fields.field_of_header(header)


def _marks(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(each.split()) for each in sets)


def _columns(**targets: str) -> dict[str, str]:
    names = {"left_out": fields.LEFT_OUT}
    return {
        header: names.get(target, f"@{target}" if f"@{target}" in SIGNALS else target)
        for target, headers in targets.items()
        for header in headers.split()
    }


CSV = Product("csv")
PRODUCTS = (
    Product(
        "mailchimp",
        "Mailchimp",
        _marks(
            "memberrating optintime", "leid euid", "emailaddress optintime confirmtime", "emailaddress unsubtime",
            "emailaddress cleantime",
        ),
        _columns(
            first_name="fname",
            last_name="lname",
            country="cc",
            agreed="optintime confirmtime",
            unsubscribed="unsubtime",
            bounced="cleantime",
            status="status",
            tags="tags",
            evidence="optinip confirmip unsubcampaigntitle unsubreason unsubreasonother cleancampaigntitle",
            left_out="leid euid latitude longitude gmtoff dstoff lastchanged unsubcampaignid cleancampaignid",
        ),
    ),
    Product(
        "hubspot",
        "HubSpot",
        _marks(
            "unsubscribedfromallemail", "marketingcontactstatus", "emailhardbouncereason", "portalunsubscribe", "hsemailoptout",
            "hsobjectid email", "recordid email lifecyclestage", "recordid email contactowner", "recordid email firstname lastname",
            "recordidcontact email", "contactid email lifecyclestage",
        ),
        _columns(
            company="associatedcompany primaryassociatedcompany associatedcompanyprimary",
            unsubscribed="unsubscribedfromallemail hsemailoptout portalunsubscribe portalspamreport",
            bounced=(
                "emailhardbouncereason emailhardbouncedreason hsemailhardbouncereasonenum hsemailhardbouncereason portalbounce "
                "globalbounce emailaddressquarantined emailaddressquarantinereason invalidemailaddress hsemailbadaddress"
            ),
            status="marketingcontactstatus hsmarketablestatus",
            evidence="legalbasisforprocessingcontactsdata hslegalbasis",
        ),
    ),
    Product(
        "salesforce",
        "Salesforce",
        _marks(
            "hasoptedoutofemail", "emailoptout email", "emailbounceddate", "email mailingcountry accountname",
            "contactid accountname email", "email mailingcountry accountid", "leadid leadsource email", "email isdeleted ownerid",
        ),
        _columns(
            company="accountname",
            country="mailingcountry mailingcountrycode",
            unsubscribed="hasoptedoutofemail emailoptout",
            bounced="emailbounceddate emailbouncedreason isemailbounced",
        ),
    ),
    Product(
        "listmonk",
        "listmonk",
        _marks("uuid email attributes", "uuid email status", "email name attributes"),
        _columns(
            name="name",
            attributes="attributes attribs",
            status="status",
            tags="lists tags",
            evidence="createdat",
            left_out="uuid updatedat id",
        ),
    ),
    Product(
        "mautic",
        "Mautic",
        _marks(
            "email donotcontact", "email dnc", "email donotemail", "email dateidentified", "email preferredprofileimage",
            "email points lastactive", "email attributiondate",
        ),
        _columns(
            language="preferredlocale",
            do_not_contact="dnc donotcontact donotemail dncreason dncstatus dncemail donotcontactemail",
            tags="tags segments lists",
            left_out="preferredprofileimage",
        ),
    ),
)  # fmt: skip


def recognise(header: Sequence[str]) -> Product:
    """The product whose export has these columns, ``CSV`` for none."""
    plain = {fields.plain(name) for name in header}
    return next((each for each in PRODUCTS if any(mark <= plain for mark in each.marks)), CSV)


def is_known_header(header: str) -> bool:
    """Whether a column of this name means something by itself: tells the delimiter of a file."""
    return fields.is_built_in_header(header) or any(fields.plain(header) in each.columns for each in PRODUCTS)
