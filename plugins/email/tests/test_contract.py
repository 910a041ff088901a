"""The e-mail channel keeps the promises of an addressed channel, against a real mail server."""

import re

import pytest

from cms_core import Link, Placement
from cms_core.testing.contracts import AddressedChannelContract, make_link, make_placement
from cms_email.channel import EmailChannel


class TestEmail(AddressedChannelContract):
    @pytest.fixture
    def channel(self) -> EmailChannel:
        return EmailChannel()

    @pytest.fixture
    def link(self, mailbox: tuple[object, int]) -> Link:
        self.box, port = mailbox
        return make_link(EmailChannel, host="127.0.0.1", port=port, security="none", **SETTINGS)

    @pytest.fixture
    def placement(self) -> Placement:
        return make_placement("email", kind="email", settings={"host": "127.0.0.1", **SETTINGS})

    def arrived(self) -> list[str]:
        raw: list[bytes] = self.box.raw  # type: ignore[attr-defined]
        return [re.search(rb"^To: (.*?)\r?$", each, re.MULTILINE)[1].decode() for each in raw]  # type: ignore[index]


SETTINGS = {"from_address": "news@acme.test", "from_name": "Acme", "postal_address": "1 Main Street"}
