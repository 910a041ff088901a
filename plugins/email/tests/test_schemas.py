"""The settings of a connection: what is taken and what is refused, with words that help."""

from typing import Any

import pytest
from marshmallow import ValidationError

from cms_email.schemas import ConnectionSettings

GOOD = {"host": "smtp.acme.test", "from_address": "news@acme.test"}


def load(**more: Any) -> dict[str, Any]:
    return dict(ConnectionSettings().load({**GOOD, **more}))


@pytest.mark.parametrize(("security", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
def test_port_follows_the_encryption(security: str, port: int) -> None:
    assert load(security=security)["port"] == port
    assert load(security=security, port="2525")["port"] == 2525


def test_encryption_is_on_unless_turned_off() -> None:
    assert load()["security"] == "starttls"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "smtp.acme.test\r\nx"),
        ("host", "http://smtp.acme.test/"),
        ("host", ""),
        ("port", "0"),
        ("port", "65536"),
        ("port", "smtp"),
        ("security", "ssl"),
        ("from_address", "news"),
        ("from_address", "news@acme.test\r\nBcc: x@y.test"),
        ("from_address", "a@b.test, c@d.test"),
        ("from_address", "Acme <news@acme.test>"),
        ("from_address", ""),
        ("reply_to", "help@acme.test\nBcc: x@y.test"),
        ("from_name", "Acme\r\nBcc: x@y.test"),
        ("from_name", "{{ config }}"),
        ("from_name", "x" * 101),
        ("postal_address", "1 Main Street {% raw %}"),
        ("postal_address", "1 Main\x00Street"),
        ("username", "me\r\nRSET"),
        ("colour", "red"),
    ],
)
def test_bad_settings_are_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load(**{field: value})
    assert list(caught.value.normalized_messages()) == [field]


@pytest.mark.parametrize("field", ["host", "from_address"])
def test_server_and_sender_are_needed(field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ConnectionSettings().load({name: value for name, value in GOOD.items() if name != field})
    assert list(caught.value.normalized_messages()) == [field]


def test_password_needs_a_user_name() -> None:
    with pytest.raises(ValidationError, match="user name"):
        load(password="x")
    assert load(password="x", username="me")["password"] == "x"


def test_password_is_the_only_secret() -> None:
    fields = ConnectionSettings().fields
    assert [name for name, spec in fields.items() if spec.metadata.get("secret")] == ["password"]
    assert all(spec.metadata.get("label") for spec in fields.values())


@pytest.mark.parametrize("address", ["news@acme.local", "news@bücher.test", "a+b@mail.acme.invalid"])
def test_addresses_need_no_public_domain(address: str) -> None:
    assert load(from_address=address)["from_address"] == address
