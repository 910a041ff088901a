"""Where a workspace is and how it is set up: ``cms.toml`` (settings), ``.env`` (secrets), the environment over both."""

import base64
import os
import secrets
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cms_core.errors import ConfigError
from cms_core.files import replace_file

Network = IPv4Network | IPv6Network

DEFAULT_BASE_URL = "http://127.0.0.1:8000"
DEFAULT_LEASE_SECONDS = 30.0
LOOPBACK = "127.0.0.1,::1"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
MAIL_SCHEMES = {"smtp": "starttls", "smtps": "tls"}
MAIL_SECURITY = ("none", "starttls", "tls")


@dataclass(frozen=True)
class Config:
    """The settings of one workspace.

    ``lease_seconds`` is how long a claim holds without renewal. ``trusted_proxies`` are the addresses and networks of reverse
    proxies (CMS_TRUSTED_PROXIES): of their requests the client's address and scheme are read from X-Forwarded-For and
    X-Forwarded-Proto, which they must set; nobody else's headers are believed. ``mail_url`` is the server for mail of the system
    itself (invitations, new passwords, notices), apart from the connections of campaigns; empty: no such mail is sent.
    ``host_name`` (CMS_HOST_NAME) names this machine to the fence, where containers get another name at each start.
    ``metrics_allow`` (CMS_METRICS_ALLOW) are the addresses and networks that may read /metrics without a token. ``log_json``
    (CMS_LOG=json) and ``log_level`` (CMS_LOG_LEVEL) say what is written by `cms run` and `cms worker`.
    """

    home: Path
    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    outbound_allow: str = ""
    trusted_proxies: str = ""
    mail_url: str = field(default="", repr=False)
    mail_from: str = ""
    metrics_allow: str = LOOPBACK
    log_json: bool = False
    log_level: str = "WARNING"
    lease_seconds: float = DEFAULT_LEASE_SECONDS
    host_name: str = field(default_factory=socket.gethostname)
    disabled_plugins: frozenset[str] = frozenset()
    strict_plugins: bool = False
    inherited_keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def media_dir(self) -> Path:
        """Where uploaded files are stored, named by their hash."""
        return self.home / "media"

    @property
    def run_dir(self) -> Path:
        """Where running processes keep journals and locks."""
        return self.home / "run"


def load_config(home: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the workspace at ``home`` (default: CMS_HOME); raises ConfigError that says how to make one."""
    env = os.environ if environ is None else environ
    root = _find_home(home or env.get("CMS_HOME"))
    values = _read_toml(root / "cms.toml") | _read_env_file(root / ".env")
    values |= {key: value for key, value in env.items() if key.startswith("CMS_")}
    return Config(
        home=root,
        database_url=check_database_url(values.get("CMS_DATABASE_URL") or f"sqlite:///{root / 'cms.db'}"),
        secret_key=values.get("CMS_SECRET_KEY", ""),
        base_url=check_base_url(values.get("CMS_BASE_URL") or DEFAULT_BASE_URL),
        outbound_allow=values.get("CMS_OUTBOUND_ALLOW", ""),
        trusted_proxies=values.get("CMS_TRUSTED_PROXIES", ""),
        mail_url=check_mail_url(values.get("CMS_MAIL_URL", "")),
        mail_from=check_mail_from(values.get("CMS_MAIL_FROM", ""), needed=bool(values.get("CMS_MAIL_URL"))),
        metrics_allow=values.get("CMS_METRICS_ALLOW", LOOPBACK),
        log_json=_log_form(values.get("CMS_LOG", "")) == "json",
        log_level=_log_level(values.get("CMS_LOG_LEVEL", "")),
        lease_seconds=_seconds(values.get("CMS_LEASE_SECONDS")),
        host_name=values.get("CMS_HOST_NAME") or socket.gethostname(),
        disabled_plugins=disabled_plugins(values),
        strict_plugins=values.get("CMS_STRICT_PLUGINS", "") not in ("", "0"),
        inherited_keys=_keys(values.get("CMS_INHERITED_KEYS", "")),
        environ=values,
    )


def write_config(home: Path, database_url: str | None, base_url: str | None) -> None:
    """Write ``cms.toml`` and ``.env`` (0600, random key) of a new workspace."""
    home.mkdir(parents=True, exist_ok=True)
    lines = ["# Settings of this workspace; the environment goes over them.\n"]
    if base_url:
        lines.append(f'base_url = "{check_base_url(base_url)}"\n')
    (home / "cms.toml").write_text("".join(lines), encoding="utf-8")
    secret = [f"CMS_SECRET_KEY={secrets.token_urlsafe(48)}\n"]
    if database_url:
        secret.append(f"CMS_DATABASE_URL={check_database_url(database_url)}\n")
    descriptor = os.open(home / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(secret)
    for folder in ("media", "plugins", "run"):
        (home / folder).mkdir(exist_ok=True)


def write_env(home: Path, values: Mapping[str, str]) -> None:
    """Set values in the ``.env`` file of a workspace; the others stay. The file is replaced whole."""
    path = home / ".env"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    staying = [line for line in lines if line.partition("=")[0].strip() not in values]
    lines = [*staying, *(f"{key}={value}" for key, value in values.items())]
    replace_file(path, "".join(f"{line}\n" for line in lines).encode())


def show_keys(keys: Mapping[str, bytes]) -> str:
    """Derived keys as CMS_INHERITED_KEYS holds them."""
    return ",".join(f"{purpose}:{base64.urlsafe_b64encode(key).decode()}" for purpose, key in keys.items())


def disabled_plugins(values: Mapping[str, str]) -> frozenset[str]:
    """The plugins that ``CMS_DISABLE_PLUGINS`` switches off, separated by commas or spaces."""
    return frozenset(values.get("CMS_DISABLE_PLUGINS", "").replace(",", " ").split())


def check_base_url(text: str) -> str:
    """The address without a trailing slash; raises ConfigError for what is not an http(s) address of a site."""
    parts = urlsplit(text)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or '"' in text
    ):
        raise ConfigError(f"base URL {text!r} is not an address", "give one like https://www.example.com")
    return text.rstrip("/")


def check_database_url(text: str) -> str:
    """The address unchanged; raises ConfigError, which never repeats it (it may hold a password), for other databases."""
    scheme, separator, _ = text.partition("://")
    if not separator or scheme.partition("+")[0] not in ("sqlite", "postgresql") or "\n" in text:
        raise ConfigError(
            "the database cannot be used: CMS_DATABASE_URL names no kind that is known here",
            "give one like sqlite:////var/lib/cms/cms.db or postgresql://user@host/name",
        )
    return text


def check_mail_url(text: str) -> str:
    """The address unchanged; raises ConfigError, which never repeats it (it may hold a password), for what names no mail server."""
    try:
        parts = urlsplit(text)
        wrong = parts.scheme not in MAIL_SCHEMES or not parts.hostname or parts.port == 0
        wrong = wrong or mail_security(text) not in MAIL_SECURITY
    except ValueError:  # brackets that are no address, a port that is none
        wrong = True
    if text and (wrong or " " in text or not text.isprintable()):
        raise ConfigError(
            "the mail server cannot be used: CMS_MAIL_URL is not understood",
            "give one like smtp://user:password@mail.example.com:587 (STARTTLS) or smtps://… (TLS); signs in the password that an "
            "address cannot hold are written as in %40",
        )
    return text


def mail_security(url: str) -> str:
    """How a mail server is spoken to: as ``?security=`` says, else TLS for smtps and STARTTLS for smtp."""
    parts = urlsplit(url)
    said = parse_qs(parts.query).get("security")
    return said[-1] if said else MAIL_SCHEMES.get(parts.scheme, "")


def check_mail_from(text: str, *, needed: bool) -> str:
    """The sender of the system's mail unchanged; raises ConfigError for what is no address, or for none where one is needed."""
    name, address = parseaddr(text)
    try:
        sound = bool(Address(name, addr_spec=address).domain) and text.isprintable()
    except (ValueError, IndexError):
        sound = False
    if sound or not (text or needed):
        return text
    raise ConfigError(
        f"CMS_MAIL_FROM is {text!r}; the system's mail has no sender" if text else "CMS_MAIL_FROM is not set",
        'give an address like cms@example.com or "Acme <cms@example.com>"',
    )


def _find_home(home: str | Path | None) -> Path:
    if not home:
        raise ConfigError("no workspace named", "give --home DIR or set CMS_HOME; `cms init DIR` makes one")
    root = Path(home).expanduser().resolve()
    if not (root / ".env").is_file() and not (root / "cms.toml").is_file():
        raise ConfigError(f"{root} is not a workspace", f"make one with `cms init {root}`")
    return root


def _read_toml(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}", "mend the file; it is TOML") from None
    return {f"CMS_{key.upper()}": str(value) for key, value in data.items()}


def _read_env_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#") and "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def _keys(text: str) -> dict[str, bytes]:
    try:
        pairs = (each.split(":", 1) for each in text.split(",") if each)
        return {purpose: base64.urlsafe_b64decode(key) for purpose, key in pairs}
    except ValueError:
        raise ConfigError(
            "CMS_INHERITED_KEYS cannot be read", "take the line of the .env file as `cms import` wrote it"
        ) from None


def _log_form(text: str) -> str:
    if text.lower() not in ("", "plain", "json"):
        raise ConfigError(f"CMS_LOG is {text!r}", "give plain or json")
    return text.lower()


def _log_level(text: str) -> str:
    level = text.upper() or "WARNING"
    if level not in LOG_LEVELS:
        raise ConfigError(f"CMS_LOG_LEVEL is {text!r}", f"give one of {', '.join(LOG_LEVELS)}")
    return level


def _seconds(text: str | None) -> float:
    if not text:
        return DEFAULT_LEASE_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise ConfigError(f"CMS_LEASE_SECONDS is {text!r}", "give seconds between 0.1 and 3600")
    return seconds


def networks(setting: str, text: str) -> list[Network]:
    """The addresses and networks that a setting names, separated by commas or spaces; raises ConfigError for what is neither."""
    found = []
    for each in text.replace(",", " ").split():
        try:
            found.append(ip_network(each, strict=False))
        except ValueError:
            remedy = "give addresses or networks, separated by commas, like 127.0.0.1,10.0.0.0/8"
            raise ConfigError(f"{setting}: {each!r} is not an address or network", remedy) from None
    return found
