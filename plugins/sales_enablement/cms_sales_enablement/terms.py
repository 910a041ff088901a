"""What a link asks for before it shows anything, and what it allows.

Checked when a link is made, by the settings of then, and again whenever it is opened: a setting that was tightened later holds for
old links too.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from cms_core import Invalid, Services
from cms_sales_enablement.models import Share, ShareRule
from cms_sales_enablement.schemas import GATES, MOST_VIEWS, SAID, VERIFIED

ASKS = {"": "nothing", SAID: "an e-mail address", VERIFIED: "a verified e-mail address"}
MOST_RULES = 500


@dataclass(frozen=True)
class Terms:
    """Wanted of a link; lists hold addresses and domains (@acme.com). ``gate`` None: the least that the settings ask for."""

    gate: str | None = None
    allow: Sequence[str] = ()
    deny: Sequence[str] = ()
    download: bool = False
    watermark: bool = False
    max_views: int | None = None


@dataclass(frozen=True)
class Limits:
    """What the settings of the workspace allow of any link."""

    longest_days: int = 0
    downloads: bool = True
    gate: str = ""

    @classmethod
    def of(cls, svc: Services) -> "Limits":
        """Those of now."""
        return cls.read(svc.settings())

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "Limits":
        """Those of the plugin's settings."""
        gate = str(settings.get("gate") or "")
        days, downloads = int(settings.get("longest_days") or 0), settings.get("downloads", True)
        return cls(days, bool(downloads), gate if gate in GATES else VERIFIED)

    def gate_of(self, share: Share) -> str:
        """What a link asks for now: never less than the workspace does."""
        return max(share.gate, self.gate, key=GATES.index)

    def may_download(self, share: Share) -> bool:
        """Whether a link gives the file now."""
        return share.download and self.downloads

    def end_of(self, share: Share) -> datetime | None:
        """When a link ends at the latest, or None."""
        longest = share.created_at + timedelta(days=self.longest_days) if self.longest_days else None
        return min((each for each in (share.expires_at, longest) if each is not None), default=None)


def checked(
    svc: Services, wanted: Terms, limits: Limits, *, is_deck: bool, drawn: bool, contact: bool
) -> Terms:
    """The terms as they are kept, addresses in their one spelling; raises Invalid for what is not allowed or protects nothing."""
    gate = _gate(svc, limits.gate if wanted.gate is None else wanted.gate, limits)
    allow, deny = _rules(svc, wanted.allow, "allow"), _rules(svc, wanted.deny, "deny")
    _check_lists({"allow": allow, "deny": deny}, gate)
    check_given(wanted, limits, is_deck=is_deck, drawn=drawn, names=bool(gate) or contact)
    if wanted.max_views is not None and not 1 <= wanted.max_views <= MOST_VIEWS:
        raise Invalid(
            f"a link ends after 1 to {MOST_VIEWS:,} views, not after {wanted.max_views}",
            "give a number of them, or none",
            field="max_views",
        )
    return replace(wanted, gate=gate, allow=allow, deny=deny)


def check_given(wanted: Terms, limits: Limits, *, is_deck: bool, drawn: bool, names: bool) -> None:
    """Raise Invalid for a file or a watermark that a link, or a piece of a room, cannot give.

    ``drawn``: all of its slides can be drawn here; ``names``: it is known who reads.
    """
    _check_file(wanted, limits, is_deck)
    _check_watermark(wanted, is_deck=is_deck, drawn=drawn, names=names)


def rules_of(terms: Terms) -> list[ShareRule]:
    """The rows of both lists."""
    return [ShareRule(denied=denied, what=what) for denied, some in _sides(terms) for what in some]


def listed(svc: Services, shares: Iterable[Share]) -> Mapping[int, Mapping[str, list[str]]]:
    """For each of these links its ``allow`` and ``deny`` lists, by row id."""
    found: dict[int, dict[str, list[str]]] = {share.id: {"allow": [], "deny": []} for share in shares}
    query = select(ShareRule).where(ShareRule.share_id.in_(found)).order_by(ShareRule.what)
    with svc.session() as session:
        for rule in session.scalars(query):
            found[rule.share_id]["deny" if rule.denied else "allow"].append(rule.what)
    return found


def fingerprint(svc: Services, share: Share) -> str:
    """The same for the same lists of a link, whatever they say: what a pass is good for."""
    return repr(listed(svc, [share])[share.id])


def lets_in(svc: Services, share: Share, address: str) -> bool:
    """Whether the lists of a link let this address in: not one that is denied, and where some are allowed only those."""
    mine = ShareRule.share_id == share.id
    either = (address, f"@{address.rpartition('@')[2]}")
    named = select(ShareRule.denied).where(mine, ShareRule.what.in_(either))
    some = select(ShareRule.what).where(mine, ShareRule.denied.is_(False)).limit(1)
    with svc.session() as session:
        verdicts = session.scalars(named).all()
        if any(verdicts):
            return False
        return bool(verdicts) or session.scalar(some) is None


def _sides(terms: Terms) -> tuple[tuple[bool, Sequence[str]], ...]:
    return (False, terms.allow), (True, terms.deny)


def _gate(svc: Services, gate: str, limits: Limits) -> str:
    if gate not in GATES:
        raise Invalid(
            f"a link cannot ask for {gate[:40]!r}", "choose email or verified, or nothing", field="gate"
        )
    if GATES.index(gate) < GATES.index(limits.gate):
        raise Invalid(
            f"the setting “gate” of this workspace has every link ask for {ASKS[limits.gate]} at least",
            f"choose {limits.gate}, or leave it to the setting",
            field="gate",
        )
    if gate == VERIFIED and not svc.sends_mail:
        raise Invalid(
            "addresses are verified by mail, and this workspace sends none",
            "set CMS_MAIL_URL and CMS_MAIL_FROM, or choose the gate email",
            field="gate",
        )
    return gate


def _rules(svc: Services, entries: Sequence[str], name: str) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(_rule(svc, each.strip()) for each in entries if each.strip()))
    except Invalid as error:
        raise Invalid(str(error), "write an address, or a domain with its @: @acme.com", field=name) from None


def _rule(svc: Services, entry: str) -> str:
    if entry.startswith("@"):
        return svc.address(f"x{entry}").removeprefix("x")
    return svc.address(entry)


def _check_lists(lists: Mapping[str, Collection[str]], gate: str) -> None:
    for name, entries in lists.items():
        if entries and not gate:
            raise Invalid(
                f"without a gate the {name} list would protect nothing: nobody is asked for an address",
                "choose the gate verified (or email), or leave the list out",
                field=name,
            )
    if sum(map(len, lists.values())) > MOST_RULES:
        raise Invalid(
            f"the lists of a link hold {MOST_RULES} entries at most",
            "name domains (@acme.com) instead of people",
            field=max(lists, key=lambda name: len(lists[name])),
        )


def _check_file(wanted: Terms, limits: Limits, is_deck: bool) -> None:
    if wanted.download and not limits.downloads:
        raise Invalid(
            "the setting “downloads” of this workspace lets no link give the file",
            "share it without the file",
            field="download",
        )
    if wanted.download and not is_deck:
        raise Invalid(
            "only decks are files that could be downloaded", "share it without the file", field="download"
        )


def _check_watermark(wanted: Terms, *, is_deck: bool, drawn: bool, names: bool) -> None:
    if not wanted.watermark:
        return
    if not is_deck:
        raise Invalid(
            "only the slides of decks can have a watermark", "share it without one", field="watermark"
        )
    if not names:
        raise Invalid(
            "a watermark shows the reader's address, and this link would know none",
            "choose a gate, or say whom it is for",
            field="watermark",
        )
    if wanted.download:
        raise Invalid(
            "a watermark would protect nothing where the file without it may be downloaded",
            "choose one of them",
            field="watermark",
        )
    if not drawn:
        raise Invalid(
            "a watermark is drawn into pictures of the slides, and not all of them can be made here",
            "install libreoffice-impress and the extra decks, bring a PDF along, or share it without one",
            field="watermark",
        )
