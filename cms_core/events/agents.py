"""Who is behind a hit, as far as its request tells. What only a pattern of hits tells is found in ``hits``."""

from functools import lru_cache
from typing import Protocol

from crawlerdetect import CrawlerDetect

from cms_core.contract import AgentClass

# Image proxies fetch for a person, but nobody knows when (or whether) that person looked.
PROXIES = ("googleimageproxy", "yahoomailproxy", "yahoocachesystem", "duckduckgo-image")
# Security gateways that open and follow everything before a person sees the mail.
SCANNERS = (
    "barracuda",
    "mimecast",
    "proofpoint",
    "safelinks",
    "trendmicro",
    "fireeye",
    "symantec",
    "sophos",
    "ironport",
    "forcepoint",
)
# Mail programs that lists of crawlers take for machines.
MAIL_PROGRAMS = ("microsoft outlook", "ms-office", "thunderbird", "applemail", "evolution", "macoutlook")
PREFETCH_HEADERS = ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")

_crawlers = CrawlerDetect()


class Headers(Protocol):
    """Request headers: a mapping, or those of the web framework."""

    def get(self, key: str, default: str, /) -> str: ...


def classify(method: str, headers: Headers) -> AgentClass:
    """The class of one request by its method, user agent and prefetch headers."""
    if method == "HEAD" or any("pre" in headers.get(name, "").lower() for name in PREFETCH_HEADERS):
        return AgentClass.SCANNER
    return by_user_agent(headers.get("User-Agent", "")[:1000])


@lru_cache(maxsize=4096)
def by_user_agent(user_agent: str) -> AgentClass:
    """The class of a user agent; an empty one is unknown."""
    agent = user_agent.lower().strip()
    if not agent:
        return AgentClass.UNKNOWN
    if any(name in agent for name in PROXIES):
        return AgentClass.PROXY
    if any(name in agent for name in SCANNERS):
        return AgentClass.SCANNER
    if any(name in agent for name in MAIL_PROGRAMS):
        return AgentClass.HUMAN
    return AgentClass.BOT if _crawlers.isCrawler(user_agent) else AgentClass.HUMAN
