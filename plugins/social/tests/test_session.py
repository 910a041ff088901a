"""The session of a Bluesky account is made once, renewed by one worker, and kept where nobody can read it."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cms_core import Link, NotConnected, Retryable
from cms_core.clock import FrozenClock
from cms_core.testing.network import FakeNetwork
from cms_core.workspace import Workspace
from cms_social.bluesky_api import BlueskyApi
from cms_social.bluesky_session import Sessions
from cms_social.models import Account
from cms_social.sandbox_bluesky import Bluesky

from .conftest import PASSWORD


def test_login_is_made_once_for_all(bluesky_link: Link, bluesky: Bluesky) -> None:
    for _ in range(5):
        assert BlueskyApi(bluesky_link).who()["handle"] == "acme.test"
    assert bluesky.logins == 1


def test_expired_token_is_renewed_without_a_login(
    bluesky_link: Link, bluesky: Bluesky, their_clock: FrozenClock
) -> None:
    api = BlueskyApi(bluesky_link)
    api.who()
    their_clock.at += timedelta(hours=3)
    assert api.who()["handle"] == BlueskyApi(bluesky_link).who()["handle"] == "acme.test"
    assert bluesky.logins == 1


def test_dead_refresh_token_leads_to_a_login(
    bluesky_link: Link, bluesky: Bluesky, their_clock: FrozenClock
) -> None:
    BlueskyApi(bluesky_link).who()
    their_clock.at += timedelta(days=100)
    BlueskyApi(bluesky_link).who()
    assert bluesky.logins == 2


def test_many_workers_renew_once(
    bluesky_link: Link, bluesky: Bluesky, bluesky_network: FakeNetwork, their_clock: FrozenClock
) -> None:
    apis = [BlueskyApi(bluesky_link) for _ in range(12)]
    for api in apis:
        api.who()
    their_clock.at += timedelta(hours=3)
    with ThreadPoolExecutor(12) as pool:
        handles = set(pool.map(lambda api: api.who()["handle"], apis))
    refreshes = [each for each in bluesky_network.requests if each.path.endswith("refreshSession")]
    assert (handles, len(refreshes), bluesky.logins) == ({"acme.test"}, 1, 1)


def test_first_login_of_many_workers_is_one(bluesky_link: Link, bluesky: Bluesky) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: BlueskyApi(bluesky_link).who(), range(8)))
    assert bluesky.logins == 1


def test_another_password_is_another_session(bluesky_link: Link, bluesky: Bluesky) -> None:
    BlueskyApi(bluesky_link).who()
    wrong = replace(bluesky_link, secrets={"app_password": "wrong"})
    with pytest.raises(NotConnected, match="Invalid identifier or password"):
        BlueskyApi(wrong).who()
    assert BlueskyApi(bluesky_link).who()
    assert bluesky.logins == 2, "what is kept stays when another password is tried"


def test_renewal_that_died_is_taken_over(
    bluesky_link: Link, bluesky: Bluesky, workspace: Workspace, clock: FrozenClock
) -> None:
    from cms_social import store

    link = replace(bluesky_link, now=clock.now)
    row = store.account(link, "bluesky")
    assert store.begin_renewal(link, row, 90)
    assert not store.begin_renewal(link, row, 90)
    clock.at += timedelta(seconds=91)
    assert Sessions(link).current()[1].handle == "acme.test"


def test_too_many_logins_are_waited_for(bluesky_link: Link, bluesky_network: FakeNetwork) -> None:
    bluesky_network.fault("busy", on="login", retry_after="120")
    with pytest.raises(Retryable) as caught:
        BlueskyApi(bluesky_link).who()
    assert caught.value.after == timedelta(seconds=120)
    assert BlueskyApi(bluesky_link).who()["handle"] == "acme.test"


def test_tokens_are_sealed_and_in_no_log(
    bluesky_link: Link, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api = BlueskyApi(bluesky_link)
    api.who()
    session = api.session
    with workspace.db.session() as opened:
        row = opened.scalars(select(Account)).one()
    shown = f"{caplog.text} {session!r} {row.session}"
    secrets = (session.access, session.refresh, PASSWORD)
    assert not [each for each in secrets if each in shown]
    assert not [part for each in secrets for part in each.split(".") if len(part) > 20 and part in shown]


def test_session_of_another_workspace_key_is_made_anew(
    bluesky_link: Link, workspace: Workspace, bluesky: Bluesky
) -> None:
    BlueskyApi(bluesky_link).who()
    with workspace.db.transaction() as session:
        session.scalars(select(Account)).one().session = "gAAAAA-not-ours"
    answer: Any = BlueskyApi(bluesky_link).who()
    assert (answer["handle"], bluesky.logins) == ("acme.test", 2)
