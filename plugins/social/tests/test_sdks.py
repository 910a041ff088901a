"""The networks' client libraries, made by others, can talk to the sandboxes: they log in, post, upload, read back, delete.

No Mastodon server or Bluesky PDS runs on this machine; these libraries are the nearest witnesses of the protocols that there are.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from atproto import Client, models
from atproto.exceptions import BadRequestError, UnauthorizedError
from mastodon import Mastodon as MastodonClient
from mastodon.errors import MastodonAPIError, MastodonRatelimitError, MastodonUnauthorizedError

from cms_core.clock import FrozenClock
from cms_core.testing.network import FakeNetwork
from cms_social.sandbox_bluesky import Bluesky
from cms_social.sandbox_mastodon import Mastodon

Connect = Callable[..., Any]


@pytest.fixture
def masto() -> Iterator[Connect]:
    """Makes clients of Mastodon.py, whose connections are closed at the end."""
    with requests.Session() as session:
        yield lambda network, **more: MastodonClient(
            api_base_url=network.url, session=session, ratelimit_method="throw", **more
        )


@pytest.fixture
def atp() -> Iterator[Connect]:
    """Makes clients of the atproto SDK, whose connections are closed at the end."""
    made: list[Client] = []

    def connect(network: FakeNetwork) -> Client:
        made.append(Client(f"{network.url}/xrpc"))
        return made[-1]

    yield connect
    for client in made:
        client.request.close()


@pytest.fixture
def toots(masto: Connect, mastodon_network: FakeNetwork) -> MastodonClient:
    return masto(mastodon_network, access_token="abc")


def test_mastodon_py_logs_in_and_sees_the_server(masto: Connect, mastodon_network: FakeNetwork) -> None:
    with requests.Session() as session:
        names = MastodonClient.create_app("test", api_base_url=mastodon_network.url, session=session)
    client = masto(mastodon_network, client_id=names[0], client_secret=names[1])
    assert client.log_in("ann@acme.test", "secret")
    assert client.account_verify_credentials().username.startswith("sandbox")
    assert client.instance().configuration.statuses.max_characters == 500


def test_mastodon_py_posts_reads_edits_and_deletes(
    toots: MastodonClient, mastodon: Mastodon, picture: bytes
) -> None:
    file = toots.media_post(picture, "image/png", description="A square", synchronous=False)
    first = toots.status_post(
        "Hello https://acme.test", media_ids=[file], spoiler_text="Hm", language="en", visibility="unlisted"
    )
    second = toots.status_reply(first, "And more", idempotency_key="k")
    assert toots.status_post("And more", in_reply_to_id=first.id, idempotency_key="k").id == second.id
    assert first.media_attachments[0].description == "A square"
    assert (
        toots.status(first).content
        == '<p>Hello <a href="https://acme.test" rel="nofollow noopener">https://acme.test</a></p>'
    )
    assert toots.status_source(first).text == "Hello https://acme.test"
    assert [each.id for each in toots.account_statuses(first.account)] == [second.id, first.id]
    assert [each.id for each in toots.status_context(first).descendants] == [second.id]
    assert toots.status_update(second, "And less").content == "<p>And less</p>"
    assert {each.id for each in toots.statuses([first, second])} == {first.id, second.id}
    toots.status_delete(first)
    assert list(mastodon.statuses) == [str(second.id)]


def test_mastodon_py_meets_the_limits(
    masto: Connect, toots: MastodonClient, mastodon_network: FakeNetwork
) -> None:
    with pytest.raises(MastodonAPIError, match="character limit of 500"):
        toots.status_post("x" * 501)
    with pytest.raises(MastodonUnauthorizedError):
        masto(mastodon_network, access_token="revoked").account_verify_credentials()
    for _ in range(299):  # one was asked above; the limit is 300 in five minutes
        toots.account_verify_credentials()
    with pytest.raises(MastodonRatelimitError):
        toots.account_verify_credentials()
    assert toots.ratelimit_remaining == 0


def test_mastodon_forgets_a_key_after_an_hour_and_likes_grow(
    toots: MastodonClient, their_clock: FrozenClock
) -> None:
    first = toots.status_post("Hello", idempotency_key="k")
    their_clock.at += timedelta(minutes=59)
    assert toots.status_post("Hello", idempotency_key="k").id == first.id
    assert toots.status(first).favourites_count > 0
    their_clock.at += timedelta(minutes=2)
    assert toots.status_post("Hello", idempotency_key="k").id != first.id


def test_mastodon_processes_files_for_a_while(
    masto: Connect, picture: bytes, their_clock: FrozenClock
) -> None:
    with FakeNetwork(Mastodon(their_clock.now, processing=3)) as network:
        toots = masto(network, access_token="abc")
        file = toots.media_post(picture, "image/png")
        assert file.url is None
        with pytest.raises(MastodonAPIError, match="not finished processing"):
            toots.status_post("Look", media_ids=[file])
        their_clock.at += timedelta(seconds=3)
        assert toots.media(file).url
        assert toots.status_post("Look", media_ids=[file]).id


@pytest.fixture
def sky(atp: Connect, bluesky_network: FakeNetwork) -> Client:
    client: Client = atp(bluesky_network)
    client.login("ann.test", "secret")
    return client


@pytest.fixture
def bluesky() -> Bluesky:
    """On the real clock: the client looks at the end of its tokens."""
    return Bluesky()


def test_atproto_logs_in(atp: Connect, sky: Client, bluesky_network: FakeNetwork, bluesky: Bluesky) -> None:
    assert sky.me is not None
    assert (sky.me.handle, bluesky.logins) == ("ann.test", 1)
    with pytest.raises(UnauthorizedError):
        atp(bluesky_network).login("ann.test", "wrong")
    again = atp(bluesky_network)
    again.login(session_string=sky.export_session_string())
    assert (again.me is not None, bluesky.logins) == (True, 2)


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the SDK's own way to upload
def test_atproto_posts_reads_and_deletes(sky: Client, bluesky: Bluesky, picture: bytes) -> None:
    bluesky.did_of("bob.test")
    text = "Hi @bob.test, see https://acme.test #now"
    first = sky.send_image(text, picture, "A square", facets=sky.detect_facets(text), langs=["en"])
    reference = models.create_strong_ref(first)
    second = sky.send_post("More", reply_to=models.AppBskyFeedPost.ReplyRef(parent=reference, root=reference))
    (post,) = sky.get_posts([first.uri]).posts
    assert (post.record.text, post.cid, post.reply_count) == (text, first.cid, 1)
    assert {type(each.features[0]).__name__ for each in post.record.facets} == {"Mention", "Link", "Tag"}
    assert [each.post.uri for each in sky.get_author_feed("ann.test").feed] == [second.uri, first.uri]
    read = sky.app.bsky.feed.post.get("ann.test", first.uri.rpartition("/")[2])
    assert (read.value.text, read.cid) == (text, first.cid)
    assert sky.delete_post(first.uri)
    assert sky.delete_post(first.uri)
    assert len(bluesky.records) == 1


def test_atproto_meets_the_limits(sky: Client, bluesky: Bluesky) -> None:
    with pytest.raises(BadRequestError, match="300 graphemes"):
        sky.send_post("x" * 301)
    with pytest.raises(BadRequestError, match="Could not locate record"):
        sky.app.bsky.feed.post.get("ann.test", "3jzfcijpj2z2a")
    record = {"text": "x", "createdAt": "2026-05-04T07:00:00Z"}
    bad = models.ComAtprotoRepoPutRecord.Data(
        repo="ann.test", collection="app.bsky.feed.post", rkey="mine", record=record
    )
    with pytest.raises(BadRequestError, match="must be a TID"):
        sky.com.atproto.repo.put_record(bad)


def test_same_record_under_the_same_key_changes_nothing(sky: Client, bluesky: Bluesky) -> None:
    def put(text: str) -> str:
        record = {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-05-04T07:00:00Z"}
        data = models.ComAtprotoRepoPutRecord.Data(
            repo="ann.test", collection="app.bsky.feed.post", rkey="3jzfcijpj2z2a", record=record
        )
        return sky.com.atproto.repo.put_record(data).cid

    assert put("Hello") == put("Hello") != put("Other words")
    assert len(bluesky.records) == 1
