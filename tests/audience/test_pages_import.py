"""The page that imports people: a file is looked at, mapped and only then saved."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cms_core.audience.models import Contact
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace

from .rows import person

CSV = (
    "E-Mail;Vorname;last_name;company;country;consent;Lead Score\n"
    "ann@a.example;Ann;Lee;Brightwell;FR;yes;91\n"
    "bob@b.example;Bob;Ray;Elmside;DE;no;7\n"
    "not an address;X;Y;;;yes;\n"
)


def upload(client: FormClient, data: bytes, **more: str) -> TestResponse:
    token = client.token("/app/contacts/import")
    fields: dict[str, Any] = {
        "csrf_token": token,
        "file": (io.BytesIO(data), "people.csv"),
        "do": "check",
        **more,
    }
    return client.post("/app/contacts/import", data=fields)


def test_a_file_is_looked_at_mapped_and_then_imported(marketer: FormClient, workspace: Workspace) -> None:
    page = upload(marketer, CSV.encode()).text
    assert "nothing is saved yet" in page
    assert "Import 2 people" in page
    assert "not an address" in page
    assert re.search(r'name="map-0".*?<option value="email" selected>', page, re.DOTALL)
    assert 'value="lead_score" selected' in page
    with workspace.db.session() as session:
        assert session.scalars(select(Contact)).all() == []

    kept = re.search(r'name="kept" value="([0-9a-f]+)"', page)
    assert kept
    assert page.count('<option value="-">Nowhere: leave it out</option>') == page.count('name="map-')
    data = {"kept": kept[1], "name": "people.csv", "map-1": "first_name", "do": "check"}
    assert 'value="first_name" selected' in marketer.submit("/app/contacts/import", data).text
    assert marketer.submit("/app/contacts/import", {**data, "do": "save"}).status_code == 303
    ann = person(workspace, "ann@a.example")
    assert (ann.first_name, ann.extra, ann.source) == ("Ann", {"lead_score": "91"}, "import people.csv")
    answer = marketer.submit("/app/contacts/import", data)
    assert answer.status_code == 404
    assert "is gone" in answer.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"name,town\nAnn,Paris\n", "no column of e-mail addresses"),
        (b"PK\x03\x04zip", "Excel or zip"),
        (b'email\n"a@b.example\n', "never closed"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    marketer: FormClient, data: bytes, words: str
) -> None:
    answer = upload(marketer, data)
    assert answer.status_code == 422
    assert words in answer.text
    assert "no file was chosen" in marketer.submit("/app/contacts/import", {"do": "save"}).text.lower()


def test_what_was_uploaded_is_nobody_elses(
    as_role: Callable[[str], FormClient], marketer: FormClient
) -> None:
    kept = re.search(r'name="kept" value="([0-9a-f]+)"', upload(marketer, CSV.encode()).text)
    assert kept
    admin = as_role("admin")
    assert admin.submit("/app/contacts/import", {"kept": kept[1], "do": "save"}).status_code == 404
    assert admin.submit("/app/contacts/import", {"kept": "../../cms.toml", "do": "save"}).status_code == 404
