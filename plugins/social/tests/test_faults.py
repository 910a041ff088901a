"""What becomes of a post when the network fails: never two, never lost, and unknown only where nobody can know."""

from datetime import timedelta
from typing import Any

import pytest

from cms_core.testing.network import FakeNetwork
from cms_social.sandbox_bluesky import Bluesky
from cms_social.sandbox_mastodon import Mastodon

THREAD = "One\n---\nTwo\n---\nThree"
# What the request did before its answer was lost: it must be found again, and made public only once.
LOST = [
    {"do": "accept-then-drop"},
    {"do": "accept-then-reset"},
    {"do": "half-answer"},
    {"do": "html"},
    {"do": "garbage"},
    {"do": "duplicate"},
    {"do": "drop"},
    {"do": "lie"},
    {"do": "say"},
    {"do": "refuse", "status": 500},
    {"do": "refuse", "status": 502},
    {"do": "busy", "status": 503, "retry_after": "20"},
    {"do": "busy", "retry_after": "30"},
    {"do": "busy", "retry_after": "-5"},
    {"do": "busy"},
]


def label(fault: dict[str, Any]) -> str:
    return " ".join(map(str, fault.values()))


@pytest.fixture(params=["mastodon", "bluesky"])
def channel(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def network(channel: str, mastodon_network: FakeNetwork, bluesky_network: FakeNetwork) -> FakeNetwork:
    return {"mastodon": mastodon_network, "bluesky": bluesky_network}[channel]


@pytest.fixture
def public(channel: str, mastodon: Mastodon, bluesky: Bluesky) -> Any:
    """The texts that are public, in their order."""
    if channel == "mastodon":
        return lambda: [each["text"] for each in mastodon.statuses.values()]
    return lambda: [each["value"]["text"] for each in bluesky.records.values()]


@pytest.mark.parametrize("fault", LOST, ids=label)
def test_lost_answer_makes_exactly_one_post(
    desk: Any, channel: str, network: FakeNetwork, public: Any, fault: dict[str, Any]
) -> None:
    network.fault(on="publish", nth=1, **fault)
    key = desk.publish(channel)
    assert (desk.shown(key)["state"], public()) == ("published", ["Hello, world."])
    assert desk.shown(key)["url"]


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("fault", [LOST[0], LOST[6], LOST[9], LOST[12]], ids=label)
def test_thread_goes_on_where_it_stopped(
    desk: Any, channel: str, network: FakeNetwork, public: Any, fault: dict[str, Any], nth: int
) -> None:
    network.fault(on="publish", nth=nth, **fault)
    key = desk.publish(channel, THREAD)
    assert (desk.shown(key)["state"], public()) == ("published", ["One", "Two", "Three"])


@pytest.mark.parametrize("status", [403, 413, 422])
def test_refused_post_fails_in_the_words_of_the_network(
    desk: Any, channel: str, network: FakeNetwork, public: Any, status: int
) -> None:
    network.fault("refuse", on="publish", status=status)
    key = desk.publish(channel)
    assert (desk.shown(key)["state"], public()) == ("failed", [])
    assert "refused" in desk.shown(key)["reason"]


def test_refused_part_takes_the_thread_back(
    desk: Any, channel: str, network: FakeNetwork, public: Any
) -> None:
    network.fault("refuse", on="publish", nth=3, status=422)
    key = desk.publish(channel, THREAD)
    assert (desk.shown(key)["state"], public()) == ("failed", [])


def test_thread_that_can_neither_go_on_nor_back_is_unknown(
    desk: Any, channel: str, network: FakeNetwork, public: Any
) -> None:
    for number in range(2, 60):  # each second request: a fault counts those only that none before it has met
        network.fault("refuse", on="publish", nth=number, status=422)
    network.fault("refuse", on="withdraw", nth=0, status=422)
    key = desk.publish(channel, THREAD)
    assert (desk.shown(key)["state"], public()) == ("unknown", ["One"])
    assert "1 of 3 posts of the thread are public" in desk.shown(key)["reason"]


def test_broken_credentials_hold_the_post_and_are_told(
    desk: Any, channel: str, network: FakeNetwork, public: Any
) -> None:
    network.fault("refuse", on="publish", status=401)
    key = desk.publish(channel)
    assert (desk.shown(key)["state"], public()) == ("held", [])
    assert desk.shown(key)["reason"].startswith("not connected")


def test_crash_after_the_answer_makes_exactly_one_post(
    desk: Any, channel: str, public: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        pass

    def crash(*_: Any) -> None:
        raise Crash

    desk.write("hello", THREAD)
    key = desk.arm("hello", channel)
    with monkeypatch.context() as patch:
        patch.setattr("cms_core.publishing.outcomes.published", crash)
        with pytest.raises(Crash):
            desk.work()
    assert desk.shown(key)["state"] == "committing"
    desk.work()
    assert (desk.shown(key)["state"], public()) == ("published", ["One", "Two", "Three"])


def test_withdrawn_is_withdrawn_even_where_somebody_was_faster(
    desk: Any, channel: str, network: FakeNetwork, public: Any
) -> None:
    key = desk.publish(channel, THREAD)
    network.fault("accept-then-drop", on="withdraw", nth=2)
    desk.act(key, "ask_withdrawal")
    desk.work()
    assert (desk.shown(key)["state"], public()) == ("withdrawn", [])


def test_network_that_is_down_for_good_is_given_up_without_a_storm(
    desk: Any, channel: str, network: FakeNetwork, public: Any
) -> None:
    network.fault("busy", nth=0, status=503, retry_after="60")
    key = desk.publish(channel)
    assert (desk.shown(key)["state"], public()) == ("failed", [])
    assert len(network.requests) < 40


def test_update_of_a_mastodon_post_keeps_its_address(desk: Any, mastodon: Mastodon) -> None:
    key = desk.publish("mastodon", THREAD)
    desk.write("hello", "One\n---\nTwo, corrected")
    new = desk.update(key)
    assert [each["text"] for each in mastodon.statuses.values()] == ["One", "Two, corrected"]
    assert desk.shown(new)["url"] == desk.shown(key)["url"]


def test_update_of_a_bluesky_post_says_why_not(desk: Any, bluesky: Bluesky) -> None:
    key = desk.publish("bluesky")
    desk.write("hello", "Other words")
    new = desk.update(key)
    assert desk.shown(new)["state"] == "failed"
    assert "withdraw the post" in desk.shown(new)["reason"]
    assert desk.shown(key)["state"] == "published"


# --- Mastodon, after its key has died ---------------------------------------------------------------------------------


def lose_for_an_hour(
    desk: Any, network: FakeNetwork, text: str = "Hello, world.", do: str = "accept-then-drop"
) -> str:
    """The answer is lost, and nobody asks again before the server has forgotten the key."""
    network.fault(do, on="publish", nth=1)
    desk.write("lost", text)
    key: str = desk.arm("lost", "mastodon")
    desk.worker.work_once()
    assert desk.shown(key)["state"] == "unknown"
    desk.jump(timedelta(minutes=70))
    return key


def test_post_is_found_by_its_words_when_the_key_is_dead(
    desk: Any, mastodon_network: FakeNetwork, mastodon: Mastodon
) -> None:
    key = lose_for_an_hour(desk, mastodon_network, THREAD)
    assert len(mastodon.statuses) == 1
    assert desk.shown(key)["state"] == "unknown"
    desk.work(hours=1)
    assert desk.shown(key)["state"] == "unknown", "two parts are missing: a person decides"
    assert len(mastodon.statuses) == 1


def test_whole_post_is_found_by_its_words(
    desk: Any, mastodon_network: FakeNetwork, mastodon: Mastodon
) -> None:
    key = lose_for_an_hour(desk, mastodon_network, "Read https://acme.test <b>now</b> & again")
    desk.work(hours=1)
    assert (desk.shown(key)["state"], len(mastodon.statuses)) == ("published", 1)


def test_post_that_is_not_there_when_the_key_is_dead_is_left_to_a_person(
    desk: Any, mastodon_network: FakeNetwork, mastodon: Mastodon
) -> None:
    key = lose_for_an_hour(desk, mastodon_network, do="drop")
    desk.work(hours=3)
    assert (desk.shown(key)["state"], len(mastodon.statuses)) == ("unknown", 0)


def test_same_words_twice_are_never_taken_for_each_other(
    desk: Any, mastodon_network: FakeNetwork, mastodon: Mastodon
) -> None:
    """One of two posts with the same words was accepted and both answers were lost: nobody can say which."""
    mastodon_network.fault("accept-then-drop", on="publish", nth=1)
    mastodon_network.fault("drop", on="publish", nth=1)
    desk.write("first", "The same words")
    desk.write("second", "The same words")
    keys = [desk.arm(slug, "mastodon") for slug in ("first", "second")]
    for _ in keys:
        desk.worker.work_once()
    assert {desk.shown(key)["state"] for key in keys} == {"unknown"}
    desk.jump(timedelta(minutes=70))
    mastodon_network.faults.clear()
    desk.work(hours=3)
    assert [desk.shown(key)["state"] for key in keys] == ["unknown", "unknown"]
    assert len(mastodon.statuses) == 1


def test_key_is_not_used_again_when_it_may_have_died(
    desk: Any, mastodon_network: FakeNetwork, mastodon: Mastodon
) -> None:
    """Accepted, answer lost, then told to come back in two hours: by then the key means nothing any more."""
    mastodon_network.fault("accept-then-drop", on="publish", nth=1)
    mastodon_network.fault("busy", on="publish", nth=1, retry_after="7200")
    mastodon_network.fault(
        "refuse", on="GET /api/v1/statuses/", nth=0, status=404
    )  # nor can it be found by its words
    key = desk.publish("mastodon")
    desk.work(hours=4)
    assert len(mastodon.statuses) == 1
    assert desk.shown(key)["state"] in ("unknown", "published")
