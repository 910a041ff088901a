"""The contract classes hold channels to their promises: sound toys pass, and each broken promise is found."""

from collections.abc import Iterator

import pytest

from cms_core import contract as c
from cms_core.testing.contracts import (
    AddressedChannelContract,
    ChannelContract,
    make_link,
    make_placement,
    prepared,
)
from tests.publishing.toys import LetterChannel, Remote, ToyChannel


class TestToy(ChannelContract):
    @pytest.fixture
    def channel(self) -> ToyChannel:
        self.remote = Remote()
        return ToyChannel(self.remote)

    @pytest.fixture
    def link(self) -> c.Link:
        return make_link(ToyChannel, token="canary")

    @pytest.fixture
    def placement(self) -> c.Placement:
        return make_placement("toy")

    def public_count(self) -> int:
        return len(self.remote.posts)


class ObedientLetters(LetterChannel):
    """A letter channel that settles one letter before the next pull."""


class TestLetter(AddressedChannelContract):
    @pytest.fixture
    def channel(self) -> LetterChannel:
        self.remote = Remote()
        return ObedientLetters(self.remote)

    @pytest.fixture
    def link(self) -> c.Link:
        return make_link(LetterChannel)

    @pytest.fixture
    def placement(self) -> c.Placement:
        return make_placement("letter", kind="email")

    def arrived(self) -> list[str]:
        return self.remote.mails


class Doubling(ToyChannel):
    """Breaks the promise of its idempotency: every call makes another post."""

    def publish(self, link: c.Link, prepared: c.Prepared, key: str, previous: c.Receipt | None) -> c.Receipt:
        key = f"{key}-{len(self.remote.posts)}"
        return super().publish(link, prepared, key, previous)


class Silent(LetterChannel):
    """Never tells the wire."""

    def deliver(
        self, link: c.Link, prepared: c.Prepared, recipients: Iterator[c.Recipient | None]
    ) -> Iterator[c.Outcome]:
        for recipient in recipients:
            if recipient is not None:
                self.remote.mails.append(recipient.address)
                yield c.Outcome(recipient, c.OutcomeStatus.ACCEPTED)


def test_doubling_channel_is_found() -> None:
    case, channel = TestToy(), Doubling(Remote())
    case.remote = channel.remote
    with pytest.raises(AssertionError):
        case.test_same_key_is_the_same_thing(channel, make_link(ToyChannel), make_placement("toy"))


def test_channel_that_does_not_tell_the_wire_is_found() -> None:
    case, channel = TestLetter(), Silent(Remote())
    case.remote = channel.remote
    recipients = [AddressedRecipient(1), AddressedRecipient(2)]
    with pytest.raises(AssertionError):
        case.test_the_wire_is_told_first(
            channel, make_link(LetterChannel), make_placement("letter"), recipients
        )  # type: ignore[arg-type]


class AddressedRecipient:
    """The least that a recipient is."""

    def __init__(self, key: int) -> None:
        self.key, self.address, self.token, self.arm = key, f"p{key}@example.com", "t" * 28, ""
        self.values = {"contact": {}}


def test_prepare_that_never_ends_is_found() -> None:
    class Waiting(ToyChannel):
        def prepare(
            self, link: c.Link, placement: c.Placement, progress: c.Json | None
        ) -> c.Prepared | c.Wait:
            from datetime import timedelta

            return c.Wait(timedelta(0), {"n": 1})

    with pytest.raises(AssertionError, match="never came to an end"):
        prepared(Waiting(Remote()), make_link(ToyChannel), make_placement("toy"))
