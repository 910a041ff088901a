"""The sites that this workspace serves, and which of them a request means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from cms_core import Json
from cms_seo.schemas import DEFAULT_ACCENT

CHANNEL = "site"


@dataclass(frozen=True)
class Site:
    """One site connection as pages see it; ``base_url`` has neither path nor slash at its end."""

    connection: str
    base_url: str
    title: str
    description: str = ""
    language: str = "en"
    organisation: str = ""
    home: str = ""
    logo: str = ""
    accent: str = DEFAULT_ACCENT
    cookie: bool = True

    @classmethod
    def of(cls, connection: str, settings: Json) -> "Site":
        """The site of a connection's settings."""
        base_url = str(settings.get("base_url") or "")
        return cls(
            connection=connection,
            base_url=base_url,
            title=str(settings.get("title") or urlsplit(base_url).hostname or connection),
            description=str(settings.get("description") or ""),
            language=str(settings.get("language") or "en"),
            organisation=str(settings.get("organisation") or ""),
            home=str(settings.get("home") or ""),
            logo=str(settings.get("logo") or ""),
            accent=str(settings.get("accent") or DEFAULT_ACCENT),
            cookie=bool(settings.get("cookie", True)),
        )

    @property
    def publisher(self) -> str:
        """Who publishes here: the organisation, else the site's title."""
        return self.organisation or self.title

    @property
    def secure(self) -> bool:
        """Whether visitors come by https."""
        return self.base_url.startswith("https://")

    def address(self, slug: str, path: str) -> str:
        """The path under which a page is shown: the home page's is ``/``."""
        return "/" if slug == self.home else path

    def url(self, path: str) -> str:
        """The full address of a path of this site."""
        return self.base_url + path


def all_sites(connections: Mapping[str, Json]) -> list[Site]:
    """The sites of all connections of the channel, the oldest first."""
    return [Site.of(name, settings) for name, settings in connections.items()]


def sites_for(host: str, sites: Sequence[Site]) -> list[Site]:
    """Those that a request to this host may mean, the best first: the sites of the host, then all others.

    The others are there for a try under another address than the site will have (http://127.0.0.1:8000).
    """
    return sorted(sites, key=lambda site: _fit(host.lower(), site.base_url))


def _fit(host: str, base_url: str) -> int:
    parts = urlsplit(base_url)
    name = (parts.hostname or "").encode("idna").decode()
    if host == (f"{name}:{parts.port}" if parts.port else name):
        return 0
    return 1 if host.rpartition(":")[0] == name or host == name else 2
