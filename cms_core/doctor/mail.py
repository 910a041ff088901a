"""What the name servers say of the domains that mail is sent from: without these records large mailboxes take no mail of many."""

from collections.abc import Iterator
from email.utils import parseaddr

from sqlalchemy import select

from cms_core.connections.models import Connection
from cms_core.doctor.findings import Finding, note, ok, warning
from cms_core.workspace import Workspace

SECONDS = 5.0
# Nobody can make records for these (RFC 2606, RFC 6761, RFC 6762).
RESERVED = ("example", "example.com", "example.net", "example.org", "test", "invalid", "local", "localhost")
NO_SUCH_NAME, NO_ANSWER = "no such name", "no answer"


def sender_domains(workspace: Workspace) -> Iterator[Finding]:
    """SPF, DKIM and DMARC of the domain of every ``from_address`` of a connection."""
    domains = _domains(workspace)
    if not domains:
        yield ok("no connection sends mail")
    for domain in domains:
        if _is_reserved(domain):
            yield note(f"{domain}: not looked up; it is reserved for examples and tests")
        else:
            yield from _records(domain)


def _domains(workspace: Workspace) -> list[str]:
    with workspace.db.session() as session:
        settings = session.scalars(select(Connection.settings)).all()
    addresses = [str(each.get("from_address", "")) for each in settings] + [workspace.config.mail_from]
    found = {parseaddr(each)[1].rpartition("@")[2].lower() for each in addresses}
    return sorted(found - {""})


def _is_reserved(domain: str) -> bool:
    return any(domain == each or domain.endswith(f".{each}") for each in RESERVED)


def _records(domain: str) -> Iterator[Finding]:
    spf = _texts(domain)
    if spf == NO_ANSWER:
        yield note(f"{domain}: not looked up; no name server answered", "try again, or use --offline")
        return
    missing = []
    if not any(each.lower().startswith("v=spf1") for each in spf or ()):
        missing.append(f"SPF (a TXT record v=spf1 … of {domain})")
    # Nobody tells the selectors; but where nothing stands below this name, not even it exists (RFC 8020).
    if _texts(f"_domainkey.{domain}") == NO_SUCH_NAME:
        missing.append(f"DKIM (no key stands below _domainkey.{domain})")
    if not any(each.lower().startswith("v=dmarc1") for each in _dmarc(domain)):
        missing.append(f"DMARC (a TXT record v=DMARC1 … of _dmarc.{domain})")
    if missing:
        yield warning(
            f"{domain} has no {'; no '.join(missing)}", "add what your mail provider tells; then wait an hour"
        )
    else:
        yield ok(f"{domain} has SPF, DKIM and DMARC")


def _dmarc(domain: str) -> Iterator[str]:
    """Of the domain, or of one that it belongs to."""
    parts = domain.split(".")
    for n in range(len(parts) - 1):
        found = _texts(f"_dmarc.{'.'.join(parts[n:])}")
        if isinstance(found, list):
            yield from found


def _texts(name: str) -> list[str] | str:
    """The TXT records of a name, or why there are none."""
    from dns.exception import DNSException
    from dns.resolver import NXDOMAIN, NoAnswer, resolve

    try:
        answer = resolve(name, "TXT", lifetime=SECONDS, search=False)
    except NXDOMAIN:
        return NO_SUCH_NAME
    except NoAnswer:
        return []
    except (DNSException, OSError):
        return NO_ANSWER
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
