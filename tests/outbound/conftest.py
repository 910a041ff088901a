"""What the tests of the door out share: a guard that may reach loopback, a wire that remembers, a certificate authority."""

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cms_core.clock import FrozenClock
from cms_core.outbound import Guard, HttpClient

if TYPE_CHECKING:
    from .sending import Run

NOW = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)


@dataclass
class RecordingWire:
    """A journal in memory: what was told, and what of it was flushed."""

    told: list[int] = field(default_factory=list)
    flushed: list[int] = field(default_factory=list)

    def on_wire(self, key: int) -> None:
        self.told.append(key)

    def flush(self) -> None:
        self.flushed = list(self.told)


@pytest.fixture
def wire() -> RecordingWire:
    return RecordingWire()


@pytest.fixture
def guard() -> Guard:
    return Guard("127.0.0.1")


@pytest.fixture
def client(guard: Guard) -> Iterator[HttpClient]:
    client = HttpClient(
        guard, timeout=0.3, deadline=0.6, max_bytes=100_000, attempts=1, clock=FrozenClock(NOW)
    )
    yield client
    client.close()


@pytest.fixture
def run(wire: RecordingWire, guard: Guard) -> "Run":
    from .sending import Run

    return Run(wire, guard)


@pytest.fixture(params=["honest", "off"])
def pipelining(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass(frozen=True)
class Certificates:
    """``good`` is for 127.0.0.1 and localhost, ``other`` for another host; both are signed by ``ca_file``."""

    ca_file: str
    good: ssl.SSLContext
    other: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    key, authority = _authority()
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    here = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    return Certificates(
        str(folder / "ca.pem"),
        _server(folder / "good", key, authority, here),
        _server(folder / "other", key, authority, [x509.DNSName("other.test")]),
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: str, issuer: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("test authority", _name("test authority"), key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return key, builder.sign(key, hashes.SHA256())


def _server(
    path: Path, key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, names: list[x509.GeneralName]
) -> ssl.SSLContext:
    own = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("server", authority.subject, own.public_key())
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    private = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
