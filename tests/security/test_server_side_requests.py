"""Requests of ours to where they should not go: no setting of a connection leads inside."""

import re
import socket

import pytest

from cms_core.app import create_app
from cms_core.config import load_config
from cms_core.connections import service as connections
from cms_core.testing.client import FormClient
from cms_core.workspace import open_workspace

from .house import PASSWORD, House, fill_in

INSIDE = (
    "127.0.0.1", "localhost", "localhost.", "0.0.0.0", "127.1", "2130706433", "0x7f.1", "017700000001", "[::1]", "::1",
    "[::ffff:127.0.0.1]", "169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "10.0.0.1", "192.168.0.1", "172.16.0.1",
    "[64:ff9b::7f00:1]", "[fe80::1]", "127。0。0。1", "①②⑦.⓪.⓪.①", "a@127.0.0.1", "127.0.0.1#x", "file:///etc/passwd",
)  # fmt: skip


def test_a_mail_server_inside_is_refused_the_same_whether_it_listens_or_not(house: House) -> None:
    """With nothing allowed, no door leads to loopback, the metadata service or a private network, however it is written."""
    strict = load_config(house.workspace.config.home, {"CMS_OUTBOUND_ALLOW": ""})
    opened = open_workspace(strict, clock=house.workspace.db.clock)
    app = create_app(workspace=opened)
    app.test_client_class = FormClient
    client = app.test_client()
    assert isinstance(client, FormClient)
    client.sign_in("admin@acme.test", PASSWORD)
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.05)
        port = canary.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = closed.getsockname()[1]
        for n, host in enumerate(INSIDE):
            seen += [_tested(house, client, f"in-{n}-{each}", host, each) for each in (port, nobody)]
        with pytest.raises(TimeoutError):
            canary.accept()
    opened.db.dispose()
    assert "" not in seen
    for n in range(0, len(seen), 2):
        assert seen[n] == seen[n + 1], INSIDE[n // 2]


def _tested(house: House, client: FormClient, name: str, host: str, port: int) -> str:
    data = {
        "connection_name": name,
        "host": host,
        "port": str(port),
        "security": "none",
        "from_address": "a@acme.test",
    }
    added = client.submit("/app/connections/new/email", data)
    if added.status_code == 422:
        return "refused at once"
    with house.workspace.db.session() as session:
        public_id = connections.find(session, "email", name).public_id
    page = {"csrf_token": client.token("/app/me")}
    told = client.post(f"/app/connections/{public_id}/test", data=page, follow_redirects=True).text
    toast = re.search(r'class="[^"]*toast[^"]*"[^>]*>(.*?)</', told, re.DOTALL)
    return re.sub(r"\d{4,5}", "PORT", toast[1].strip()) if toast else ""


def test_a_site_is_never_fetched_so_any_address_of_it_is_harmless(house: House) -> None:
    for base in (
        "file:///etc/passwd",
        "gopher://127.0.0.1",
        "javascript:alert(1)",
        "http://a@127.0.0.1/",
        "http://x/\r\nHost: y",
        "//x",
    ):
        status, _ = fill_in(house, "/app/connections/new/site", {"connection_name": "x", "base_url": base})
        assert status == 422, base
