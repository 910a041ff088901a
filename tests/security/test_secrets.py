"""Secrets: none is shown, kept in the clear, logged or told by a command."""

import logging

import click
import pytest
from click.testing import CliRunner

from cms_core.cli import main

from .house import CANARY, PASSWORD, House


def test_no_secret_is_shown_kept_in_the_clear_or_logged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = house.signed_in("admin")
    vault = house.ids["connection:vault"]
    shown = [
        client.get(each).text
        for each in (
            "/app/connections",
            f"/app/connections/{vault}",
            "/app/plugins/email",
            "/app/audit",
            "/healthz",
        )
    ]
    token = client.token("/app/me")
    settings = {
        "host": "mail.acme.test",
        "security": "none",
        "from_address": "a@acme.test",
        "username": "acme",
    }
    typed = "canary-typed-just-now"
    wrong = ({"port": "no"}, {"surprise": "1"})
    shown += [
        client.post(
            f"/app/connections/{vault}",
            data={**settings, "password": typed, **each, "csrf_token": token},
        ).text
        for each in wrong
    ]
    shown.append(
        client.post(f"/app/connections/{vault}/test", data={"csrf_token": token}, follow_redirects=True).text
    )
    shown.append(house.client().sign_in("admin@acme.test", "canary-typed-just-now").text)
    shown += [
        repr(house.workspace.config),
        repr(house.workspace),
        repr(house.workspace.vault),
        house.texts(),
        caplog.text,
    ]
    for secret in (*CANARY.values(), typed, PASSWORD):
        assert all(secret not in text for text in shown), secret


def test_commands_tell_no_secret(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CMS_HOME", str(house.workspace.config.home))
    for words in (
        ["connections", "list", "--json"],
        ["plugins", "list", "--json"],
        ["status", "--json"],
        ["users", "list", "--json"],
        ["plugins", "info", "email"],
    ):
        entry = click.Command("cms", callback=lambda words=words: main(words))
        result = CliRunner().invoke(entry, [])
        assert result.output, words
        assert all(secret not in result.output for secret in CANARY.values()), words
    assert all(secret not in capsys.readouterr().out for secret in CANARY.values())
