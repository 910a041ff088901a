"""All pages of people and segments: nothing typed becomes markup, nothing asks much, nobody else comes in."""

from collections.abc import Callable

import pytest

from cms_core.audience import segments
from cms_core.testing.client import FormClient
from cms_core.testing.pages import harm_in, statements
from cms_core.workspace import Workspace
from tests.harm import MOST_STATEMENTS, NAUGHTY

from .rows import load, person


@pytest.fixture
def addresses(workspace: Workspace) -> dict[str, str]:
    cells = NAUGHTY.replace('"', '""')
    load(workspace, f'ann@a.example,"{cells}","{cells}","{cells}","{cells}",yes\n')
    load(workspace, f'ann@a.example,"{cells}"\n', "email,Own <field>")
    with workspace.db.transaction() as session:
        for n in range(30):
            segments.create(session, f"{NAUGHTY} {n}", 'country != "" and own_field != ""')
        group = segments.create(session, "0 all", 'country != ""')
    ann = person(workspace, "ann@a.example").public_id
    return {
        "list": "/app/contacts",
        "narrowed": f"/app/contacts?segment={group.public_id}&q=ann",
        "contact": f"/app/contacts/{ann}",
        "import": "/app/contacts/import",
        "segments": "/app/segments",
        "segment": f"/app/segments/{group.public_id}",
        "new": "/app/segments/new",
    }


@pytest.mark.parametrize("which", ["list", "narrowed", "contact", "import", "segments", "segment", "new"])
def test_pages_escape_everything_and_ask_little_of_the_database(
    as_role: Callable[[str], FormClient], workspace: Workspace, addresses: dict[str, str], which: str
) -> None:
    admin = as_role("admin")
    answer = admin.get(addresses[which])
    assert answer.status_code == 200
    assert harm_in(answer.text) == []
    assert which in ("import", "new") or "&lt;script&gt;" in answer.text
    with statements(workspace.db.engine) as counter:
        admin.get(addresses[which])
    assert next(counter) <= MOST_STATEMENTS


@pytest.mark.parametrize("role", ["approver", "rep", "viewer"])
def test_people_are_nobody_elses_business(
    as_role: Callable[[str], FormClient], addresses: dict[str, str], role: str
) -> None:
    client = as_role(role)
    assert {client.get(url).status_code for url in addresses.values()} == {403}
    for url in ("/app/segments/count", "/app/segments/new", "/app/contacts/import"):
        assert client.submit(url, {}, "/app/me").status_code == 403
